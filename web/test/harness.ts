import { Api, Client, Session, type Grant, type Outgoing, type RoomInfo, type Timings } from '../src/client/index.ts';
import { ScriptedServer, socket, type Peer } from './scripted.ts';
import { SharedStore, Surroundings } from './surroundings.ts';

const grant: Grant = { token: 't', refreshToken: 'r', expiresAt: Date.now() + 3_600_000, user: { id: 'ada', name: 'Ada', guest: false } };

/** Answers HTTP requests of the client: method and path to a status and a body. */
export type Routes = Record<string, (body: unknown) => Answer | Promise<Answer>>;
export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
}

export const lobby: RoomInfo = { id: 'lobby', name: 'Lobby', topic: '', private: false, direct: false, role: 'member', member: true };

/** A log entry of the lobby, by Bo unless said otherwise. */
export function entry(seq: number, prev: number, fields: object = {}): Record<string, unknown> {
  return { type: 'msg', seq, prev, room: 'lobby', id: `m${seq}`, user: 'bo', name: 'Bo', ts: seq, text: `text ${seq}`, ...fields };
}

/** A server that has no pages by HTTP, for a room. */
export const noPages = { quotes: () => Promise.resolve([]), page: () => Promise.reject(new Error('no pages')) };

/** A client whose server does what the test says, over WebSocket and HTTP. */
export class Harness {
  readonly server: ScriptedServer;
  readonly client: Client;
  readonly surroundings = new Surroundings();
  readonly session: Session;
  outgoing: readonly Outgoing[] = [];
  reads: Record<string, number> = {};
  /** What the server has of the user's read positions: as much as the client, at the start. */
  serverReads: Record<string, number>;
  rooms: RoomInfo[] = [lobby];
  routes: Routes = {};

  private constructor(server: ScriptedServer, options: { outgoing?: Outgoing[]; reads?: Record<string, number>; timings?: Partial<Timings>; only?: ReadonlySet<string> }) {
    this.server = server;
    this.serverReads = { ...options.reads };
    const api = new Api('', (path, init) => this.#http(path, init));
    this.session = new Session(api, new SharedStore(grant), this.surroundings);
    this.client = new Client({
      api, session: this.session, url: server.url, device: 'web', environment: this.surroundings, socket, ...(options.only && { only: options.only }),
      timings: { backoff: { min: 5, max: 20 }, ...options.timings },
      stores: {
        outbox: { load: () => options.outgoing ?? [], save: (list) => (this.outgoing = list) },
        reads: { load: () => options.reads ?? {}, save: (reads) => (this.reads = reads) },
      },
    });
  }

  static start(options: { outgoing?: Outgoing[]; reads?: Record<string, number>; timings?: Partial<Timings>; rooms?: RoomInfo[]; routes?: Routes; only?: ReadonlySet<string> } = {}): Harness {
    const h = new Harness(new ScriptedServer(), options);
    h.rooms = options.rooms ?? h.rooms;
    h.routes = options.routes ?? {};
    h.client.start();
    return h;
  }

  /** Welcomes the client and brings the lobby to the given page of history. Returns the socket. */
  async lobby(messages: object[] = [], more = false): Promise<Peer> {
    const peer = await this.server.peer();
    await peer.welcome();
    peer.reply(await peer.next('history'), { type: 'history', room: 'lobby', messages, more });
    peer.reply(await peer.next('join'), { type: 'joined', room: 'lobby', seq: (messages.at(-1) as { seq: number } | undefined)?.seq ?? 0 });
    return peer;
  }

  /** Ids of the lobby's messages. */
  ids(): string[] {
    return this.client.rooms.get('lobby')?.log.messages.map((m) => m.id) ?? [];
  }

  get live(): boolean {
    return this.client.rooms.get('lobby')?.live === true;
  }

  stop(): void {
    this.client.stop();
    this.session.close();
    this.server.stop();
  }

  /** Method and path of each request. */
  readonly asked: string[] = [];

  async #http(path: string, init: RequestInit): Promise<Response> {
    this.asked.push(`${init.method} ${path}`);
    const route = this.routes[`${init.method} ${path}`];
    const { status = 200, body = {} } = await route?.(typeof init.body === 'string' ? JSON.parse(init.body) : undefined)
      ?? (path === '/v1/start' && !this.routes['GET /v1/rooms'] ? { body: { rooms: this.rooms } } : path === '/v1/rooms' ? { body: { rooms: this.rooms } } : path === '/v1/reads' ? { body: { reads: this.serverReads } } : { status: 404, body: { code: 'not_found', detail: 'no such route' } });
    return new Response(JSON.stringify(body), { status });
  }
}
