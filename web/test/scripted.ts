import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Socket } from '../src/client/index.ts';
import { WebSocket as NodeSocket } from 'ws';

/** A command as it arrived. */
export type Said = Record<string, unknown> & { type: string; id?: string };

/** One accepted socket: the test reads what the client says, and says what it likes. */
export class Peer {
  readonly #socket: WebSocket;
  readonly #said: Said[] = [];
  readonly #waiting: ((s: Said) => void)[] = [];
  readonly closed: Promise<number>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const said = JSON.parse(data.toString('utf8')) as Said;
      const waiting = this.#waiting.shift();
      if (waiting) waiting(said);
      else this.#said.push(said);
    });
    this.closed = new Promise((resolve) => socket.on('close', resolve));
  }

  /** Returns the next command, which must be of the given type; commands of the types in `skip` are passed over. */
  async next(type: string, ...skip: string[]): Promise<Said> {
    for (;;) {
      const said = this.#said.shift() ?? (await new Promise<Said>((resolve) => this.#waiting.push(resolve)));
      if (said.type === type) return said;
      if (!skip.includes(said.type)) throw new Error(`expected ${type}, got ${JSON.stringify(said)}`);
    }
  }

  /** Commands that arrived and were not read. */
  get unread(): readonly Said[] {
    return this.#said;
  }

  send(...events: object[]): void {
    for (const e of events) this.#socket.send(typeof e === 'string' ? e : JSON.stringify(e));
  }

  /** Answers a command. */
  reply(to: Said, event: object): void {
    this.send({ ...event, id: to.id });
  }

  /** Reads hello and welcomes. */
  async welcome(fields: object = {}): Promise<Said> {
    const hello = await this.next('hello');
    this.reply(hello, {
      type: 'welcome', version: 1, user: 'ada', name: 'Ada', session: 's', ping_ms: 60_000, ts: 1,
      limits: { frame: 65_536, text: 8_192, rooms: 500, rate: 50 }, ...fields,
    });
    return hello;
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  /** Cuts the line: the client sees 1006. */
  cut(): void {
    this.#socket.terminate();
  }
}

/** A WebSocket server that only does what a test tells it to. */
export class ScriptedServer {
  readonly #server: WebSocketServer;
  readonly #peers: Peer[] = [];
  readonly #waiting: ((p: Peer) => void)[] = [];

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => {
      const peer = new Peer(socket);
      const waiting = this.#waiting.shift();
      if (waiting) waiting(peer);
      else this.#peers.push(peer);
    });
  }

  static async start(): Promise<ScriptedServer> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await new Promise((resolve) => server.on('listening', resolve));
    return new ScriptedServer(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/ws`;
  }

  /** Returns the next socket that a client opens. */
  peer(): Promise<Peer> {
    const peer = this.#peers.shift();
    return peer ? Promise.resolve(peer) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The WebSocket of the tests: Node has none of its own before 22. */
export function socket(url: string): Socket {
  return new NodeSocket(url) as unknown as Socket;
}
