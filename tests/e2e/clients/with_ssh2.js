// Log in with Node's ssh2: run a command, read a file, reach a port.
const fs = require('fs');
const { promisify } = require('util');
const { Client } = require('ssh2');

const client = new Client();
const exec = promisify(client.exec.bind(client));
const sftp = promisify(client.sftp.bind(client));
const forward = promisify(client.forwardOut.bind(client));

const readAll = async (stream) => {
    let text = '';
    for await (const piece of stream) text += piece;
    return text;
};
const readFirst = (stream) => new Promise((resolve) => stream.once('data', resolve));

client.on('ready', async () => {
    console.log((await readAll(await exec('echo in'))).trim());
    console.log((await readAll((await sftp()).createReadStream('/etc/hostname'))).trim());
    const stream = await forward('127.0.0.1', 0, '127.0.0.1', 2222);
    console.log((await readFirst(stream)).toString().slice(0, 7));
    client.end();
});
client.connect({
    host: '127.0.0.1', port: 2222, username: 'dev8', privateKey: fs.readFileSync('/keys/key'),
});
