import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { VERSION } from '../src/client/protocol.ts';

/** How many commands are under way at once. */
const window = 40;

/**
 * Sends messages to a room as fast as the server accepts them, by several people in turn, and
 * resolves when it has acknowledged all. The server has to allow such a rate.
 */
export async function fill(url: string, tokens: readonly string[], room: string, count: number): Promise<void> {
  const sockets = await Promise.all(tokens.map((token) => open(url, token, room)));
  let [sent, acked] = [0, 0];
  await new Promise<void>((resolve, reject) => {
    const next = () => {
      for (; sent < count && sent - acked < window; sent++) {
        // A few in a row by one person, as people talk.
        const socket = sockets[Math.floor(sent / 4) % sockets.length]!;
        socket.send(JSON.stringify({ type: 'send', id: `s${sent}`, room, msg_id: randomUUID(), text: said(sent) }));
      }
    };
    for (const socket of sockets) {
      socket.on('message', (data: Buffer) => {
        const event = JSON.parse(data.toString()) as { type: string; message?: string };
        if (event.type === 'error' || event.type === 'bye') reject(new Error(`the server says: ${event.message}`));
        if (event.type !== 'ack') return;
        acked++;
        if (acked === count) resolve();
        else next();
      });
      socket.on('close', () => reject(new Error('the server closed the connection')));
    }
    next();
  });
  for (const socket of sockets) socket.removeAllListeners('close').close();
}

/** The text of a message: lines of many lengths, here and there a paragraph, a link and code. */
export function said(i: number): string {
  const words = 'so we looked at the numbers again and they say what they said before which is good news'.split(' ');
  const some = (n: number) => Array.from({ length: n }, (_, k) => words[(i * 7 + k) % words.length]).join(' ');
  if (i % 23 === 0) return `${i}: ${some(60)}\n\n${some(30)}`;
  if (i % 17 === 0) return `${i}: see https://example.org/${i} and \`code(${i})\` for ${some(4)}`;
  return `${i}: ${some(3 + (i % 14))}`;
}

async function open(url: string, token: string, room: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/v1/ws`);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const answered = (type: string) => new Promise<void>((resolve, reject) => {
    const listen = (data: Buffer) => {
      const event = JSON.parse(data.toString()) as { type: string; message?: string };
      if (event.type === 'error' || event.type === 'bye') reject(new Error(`the server says: ${event.message}`));
      if (event.type !== type) return;
      socket.off('message', listen);
      resolve();
    };
    socket.on('message', listen);
  });
  socket.send(JSON.stringify({ type: 'hello', id: 'h', version: VERSION, token, device: 'bot' }));
  await answered('welcome');
  socket.send(JSON.stringify({ type: 'join', id: 'j', room }));
  await answered('joined');
  return socket;
}
