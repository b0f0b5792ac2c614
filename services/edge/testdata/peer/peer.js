// Talks to an edge by the ws package and says what it got, as one line of JSON.
// Usage: node peer.js URL TOKEN compress|plain
import WebSocket from 'ws';

const [url, token, mode] = process.argv.slice(2);
const sizes = [1, 50, 125, 126, 127, 1000, 4000, 16 * 1024];
const socket = new WebSocket(url, { perMessageDeflate: mode === 'compress' ? { threshold: 0 } : false });
const events = [];
let wake = () => {};

socket.on('message', (data, binary) => {
  if (binary) throw new Error('a binary message');
  events.push(JSON.parse(data.toString()));
  wake();
});
socket.on('error', (err) => {
  throw err;
});
const closed = new Promise((done) => socket.on('close', (code) => done(code)));

async function hear(type) {
  for (;;) {
    const at = events.findIndex((e) => e.type === type || e.type === 'error');
    if (at >= 0) {
      const [event] = events.splice(at, 1);
      if (event.type !== type) throw new Error(JSON.stringify(event));
      return event;
    }
    await new Promise((done) => (wake = done));
  }
}

const text = (size) => 'wörter '.repeat(size).slice(0, size).replaceAll('ö', 'o');
await new Promise((done) => socket.on('open', done));
socket.send(JSON.stringify({ type: 'hello', version: 1, token }));
await hear('welcome');
socket.send(JSON.stringify({ type: 'join', room: 'lobby' }));
await hear('joined');
const lengths = [];
for (const size of sizes) {
  socket.send(JSON.stringify({ type: 'send', room: 'lobby', msg_id: `m${size}`, text: text(size) }));
  const { text: got } = await hear('msg');
  if (got !== text(size)) throw new Error(`message of ${size} came back as ${got}`);
  lengths.push(got.length);
}
// In fragments, with a ping between them.
const whole = JSON.stringify({ type: 'send', room: 'lobby', msg_id: 'parts', text: text(3000) });
socket.send(whole.slice(0, 100), { fin: false });
const pong = new Promise((done) => socket.on('pong', done));
socket.ping('between');
socket.send(whole.slice(100, 2000), { fin: false });
socket.send(whole.slice(2000), { fin: true });
await hear('msg');
const answer = (await pong).toString();
socket.close(4321, 'done');
console.log(JSON.stringify({ extensions: socket.extensions, lengths, pong: answer, code: await closed }));
