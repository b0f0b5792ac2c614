import type { Socket } from '../src/client/index.ts';

/** A command as it arrived. */
export type Said = Record<string, unknown> & { type: string; id?: string };

/**
 * What is sent arrives in a task of its own, in order, also where the test has stopped the clock.
 */
const arrive = setImmediate;

/** The client's end of a WebSocket in memory. */
class Line implements Socket {
  readonly #listeners: { readonly type: string; readonly listener: (e: never) => void }[] = [];
  readonly peer: Peer;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';

  constructor(accept: (peer: Peer) => boolean) {
    this.peer = new Peer(this);
    arrive(() => {
      if (this.#state === 'closed') return;
      if (!accept(this.peer)) {
        this.#tell('error', {});
        this.end(1006);
        return;
      }
      this.#state = 'open';
      this.#tell('open', {});
    });
  }

  addEventListener(type: string, listener: (e: never) => void): void {
    this.#listeners.push({ type, listener });
  }

  send(data: string): void {
    if (this.#state === 'connecting') throw new Error('the socket is not open yet');
    if (this.#state === 'open') arrive(() => this.peer.heard(JSON.parse(data) as Said));
  }

  close(code = 1005): void {
    this.end(code);
  }

  /** The other side says something. */
  receive(data: string): void {
    arrive(() => this.#state === 'open' && this.#tell('message', { data }));
  }

  /** Both sides learn that it is over. */
  end(code: number): void {
    arrive(() => {
      if (this.#state === 'closed') return;
      this.#state = 'closed';
      this.peer.ended(code);
      this.#tell('close', { code, reason: '' });
    });
  }

  #tell(type: string, e: object): void {
    for (const l of this.#listeners) if (l.type === type) l.listener(e as never);
  }
}

/** The server's end of one socket: the test reads what the client says, and says what it likes. */
export class Peer {
  readonly #line: Line;
  readonly #said: Said[] = [];
  readonly #waiting: ((s: Said) => void)[] = [];
  /** Resolves with the close code when the socket has ended. */
  readonly closed: Promise<number>;
  #ended: ((code: number) => void) | undefined;

  /** What `inbox` is answered with; undefined: the server does not know it. */
  inbox: (() => object) | undefined;

  constructor(line: Line) {
    this.#line = line;
    this.closed = new Promise((resolve) => (this.#ended = resolve));
  }

  /** Of how many rooms each message with joins was. */
  readonly joins: number[] = [];

  /** Takes a message: each join of a list as if it had come alone. */
  heard(said: Said): void {
    if (said.type === 'inbox') {
      this.reply(said, this.inbox ? { type: 'inbox', ...this.inbox() } : { type: 'error', code: 'unknown_command', message: 'no such command' });
      return;
    }
    if (said.type === 'join') {
      const rooms = said['rooms'] as Said[] | undefined;
      this.joins.push(rooms?.length ?? 1);
      if (rooms) {
        for (const room of rooms) this.#take({ ...room, type: 'join' });
        return;
      }
    }
    this.#take(said);
  }
  #take(said: Said): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(said);
    else this.#said.push(said);
  }
  ended(code: number): void {
    this.#ended?.(code);
  }

  /**
   * Returns the next command, which must be of the given type; commands of the types in `skip` are
   * passed over.
   */
  async next(type: string, ...skip: string[]): Promise<Said> {
    for (;;) {
      const said = this.#said.shift() ?? (await new Promise<Said>((resolve) => this.#waiting.push(resolve)));
      if (said.type === type) return said;
      if (!skip.includes(said.type)) throw new Error(`expected ${type}, got ${JSON.stringify(said)}`);
    }
  }

  /** Returns the commands that have arrived and were not read. */
  read(): Said[] {
    return this.#said.splice(0);
  }

  /** Commands that arrived and were not read. */
  get unread(): readonly Said[] {
    return this.#said;
  }

  send(...events: object[]): void {
    for (const e of events) this.#line.receive(typeof e === 'string' ? e : JSON.stringify(e));
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
      limits: { frame: 65_536, text: 8_192, rooms: 500, rate: 50, joins: 100 }, ...fields,
    });
    return hello;
  }

  close(code: number): void {
    this.#line.end(code);
  }

  /** Cuts the line: the client sees 1006. */
  cut(): void {
    this.#line.end(1006);
  }
}

const servers = new Map<string, ScriptedServer>();

/** A WebSocket server in memory that only does what a test tells it to. */
export class ScriptedServer {
  readonly url = `ws://${servers.size}.test/v1/ws`;
  readonly #peers: Peer[] = [];
  readonly #waiting: ((p: Peer) => void)[] = [];
  readonly #all: Peer[] = [];
  /** What `inbox` is answered with; undefined: the server does not know it. */
  inbox: (() => object) | undefined;
  /** Whether sockets are accepted. */
  up = true;

  constructor() {
    servers.set(this.url, this);
  }

  accept(peer: Peer): boolean {
    if (!this.up) return false;
    this.#all.push(peer);
    peer.inbox = this.inbox;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(peer);
    else this.#peers.push(peer);
    return true;
  }

  /** Returns the next socket that a client opens. */
  peer(): Promise<Peer> {
    const peer = this.#peers.shift();
    return peer ? Promise.resolve(peer) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  stop(): void {
    this.up = false;
    for (const peer of this.#all) peer.cut();
  }
}

/** Opens a socket to a scripted server. */
export function socket(url: string): Socket {
  return new Line((peer) => servers.get(url)?.accept(peer) === true);
}
