// Keeps the page fresh while somebody looks, and copies commands. Without it the page loads itself.
"use strict";
(() => {
  const PAUSE = 10000;
  const parts = ["headline", "footer"];
  const news = () => document.getElementById("news");
  document.documentElement.classList.add("scripted");

  // /proxy/8079 without its slash: links beside the page would miss by one level.
  const { pathname, search, hash } = location;
  if (/\/\d+$/.test(pathname)) history.replaceState(null, "", `${pathname}/${search}${hash}`);

  // Not behind the editor: there the port itself is forwarded, or nothing is.
  if (!/\/\d+\/$/.test(location.pathname)) {
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[data-port]");
      if (link) link.href = `${location.protocol}//${location.hostname}:${link.dataset.port}/`;
    });
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.body.appendChild(document.createElement("textarea")); // over plain HTTP
      field.value = text;
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-copy]");
    if (!button) return;
    await copy(button.dataset.copy);
    const [label] = button.childNodes;
    label.data = "copied";
    button.focus();
    setTimeout(() => (label.data = "copy"), 2000);
  });

  // What somebody marks or has the focus in stays as it is.
  function isInUse(element) {
    const selection = getSelection();
    const isMarked = !selection.isCollapsed && element.contains(selection.anchorNode);
    return isMarked || (element !== document.activeElement && element.contains(document.activeElement));
  }

  function swap(fresh) {
    document.title = fresh.title;
    document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").href;
    const names = [...fresh.querySelectorAll("main > section")].map(({ id }) => id);
    const isSame = names.join() === [...document.querySelectorAll("main > section")].map(({ id }) => id).join();
    for (const id of isSame ? [...parts, ...names] : [...parts, "parts"]) {
      const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
      if (!old || !now || old.isEqualNode(now) || isInUse(old)) continue;
      const before = old.querySelector(".log");
      const isAtEnd = before && before.scrollTop + before.clientHeight >= before.scrollHeight - 4;
      const place = before?.scrollTop;
      old.replaceWith(now);
      const after = now.querySelector(".log");
      if (after) after.scrollTop = isAtEnd ? after.scrollHeight : place;
    }
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href.split("#")[0], { cache: "no-store" });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      news().textContent = "The workspace does not answer; this is the last that is known.";
    }
  }

  const log = document.querySelector(".log");
  if (log) log.scrollTop = log.scrollHeight;
  setInterval(refresh, PAUSE);
  document.addEventListener("visibilitychange", refresh);
})();
