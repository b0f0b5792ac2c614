import { WebSocket } from 'ws';
import { Api, Client, environment, Session, type Grant, type Socket } from '../src/client/index.ts';

/** Logs in as a guest, without a browser. */
export async function bot(url: string, name: string): Promise<Client> {
  const api = new Api(url);
  const env = environment();
  let grant: Grant | undefined;
  const session = new Session(api, {
    load: () => grant, save: (g) => (grant = g), watch: () => () => undefined, exclusively: (work) => work(),
    leaving: false, setLeaving: () => undefined,
  }, env);
  await session.guest(name);
  const client = new Client({
    api, session, url: `${url.replace(/^http/, 'ws')}/v1/ws`, device: 'bot', environment: env,
    socket: (address) => new WebSocket(address) as unknown as Socket,
    stores: { outbox: { load: () => [], save: () => undefined }, reads: { load: () => ({}), save: () => undefined } },
  });
  client.start();
  await until(() => client.rooms.get('lobby')?.live === true);
  return client;
}

/** Sends messages to a room, in order, and resolves when the log has them all. */
export async function saySome(client: Client, room: string, texts: readonly string[]): Promise<void> {
  for (const text of texts) client.send(room, text);
  await until(() => client.outbox.list(room).length === 0);
}

/** Resolves when the condition holds; the test's own time limit ends the wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
