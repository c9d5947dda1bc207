import com.jcraft.jsch.ChannelExec;
import com.jcraft.jsch.ChannelSftp;
import com.jcraft.jsch.JSch;
import com.jcraft.jsch.Session;
import java.io.InputStream;
import java.net.Socket;

/** Log in with JSch: run a command, read a file, reach a port. */
public class WithJsch {
    private static final int TIMEOUT = 30_000;

    public static void main(String[] words) throws Exception {
        JSch jsch = new JSch();
        jsch.addIdentity("/keys/old-key");
        Session session = jsch.getSession("dev8", "127.0.0.1", 2222);
        session.setConfig("StrictHostKeyChecking", "no");
        session.connect(TIMEOUT);
        ChannelExec command = (ChannelExec) session.openChannel("exec");
        command.setCommand("echo in");
        InputStream output = command.getInputStream();
        command.connect(TIMEOUT);
        System.out.println(new String(output.readAllBytes()).trim());
        ChannelSftp sftp = (ChannelSftp) session.openChannel("sftp");
        sftp.connect(TIMEOUT);
        System.out.println(new String(sftp.get("/etc/hostname").readAllBytes()).trim());
        int port = session.setPortForwardingL(0, "127.0.0.1", 2222);
        try (Socket socket = new Socket("127.0.0.1", port)) {
            System.out.println(new String(socket.getInputStream().readNBytes(7)));
        }
        session.disconnect();
    }
}
