# Somebody else's image: a Debian with git, sshd, Python and a user of its own, and nothing of ours.
# It is made from what dev8-base is made of, so that no test needs to fetch packages.
ARG SYSTEM_IMAGE
FROM ${SYSTEM_IMAGE}
RUN rm -rf /opt/devcopilot /opt/gh /usr/local/bin/* /etc/profile.d/devcopilot.sh \
        /etc/profile.d/session.sh /etc/gitconfig /etc/ssh/ssh_config.d/* /etc/fish /usr/lib/libnss_workspace* \
        /workspace /backups; \
    sed -i /profile.d/d /etc/bash.bashrc; \
    sed -i 's/workspace //' /etc/nsswitch.conf; \
    userdel --remove dev8; \
    useradd --uid 1000 --create-home --shell /bin/bash coder
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /
HEALTHCHECK NONE
ENTRYPOINT []
CMD ["sh", "-c", "echo own >/tmp/own; exec sleep infinity"]
LABEL devcontainer.metadata="[]"
