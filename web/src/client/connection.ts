import { delay, type Backoff } from './backoff.ts';
import { Emitter } from './emitter.ts';
import type { Environment } from './environment.ts';
import { ConnectionLost, HubbubError } from './errors.ts';
import { joinMessages } from './joins.ts';
import { parseEvent } from './parse.ts';
import {
  Close, shouldReconnect, VERSION,
  type ByeEvent, type Command, type Limits, type Reply, type ReplyOf, type RoomJoin, type ServerEvent, type WelcomeEvent,
} from './protocol.ts';

/** The part of the WebSocket API that the connection uses. */
export interface Socket {
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (e: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (e: { readonly code: number; readonly reason: string }) => void): void;
  send(data: string): void;
  close(code?: number): void;
}

/** The state of the connection. */
export type ConnectionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'online' }
  /** The device is offline. */
  | { readonly kind: 'offline' }
  /** Tries again at `until` (UTC ms). */
  | { readonly kind: 'waiting'; readonly until: number }
  /**
   * The client does not reconnect by itself: `code` is the close code that says why, 0 for an ended
   * session.
   */
  | { readonly kind: 'stopped'; readonly code: number; readonly message: string };

/** Times in ms. */
export interface Timings {
  /** From the start of an attempt to `welcome`. */
  readonly connect: number;
  /** From a command to its reply, if nothing else arrives. */
  readonly reply: number;
  /** Silence after which the client sends a ping, unless `welcome` names another. */
  readonly ping: number;
  /** After a connection that lasted this long, the first wait is short again. */
  readonly stable: number;
  readonly backoff: Backoff;
  /** The age, about, at which a list of who is online is fetched again. */
  readonly people: number;
}

/** The timings of a browser on the open internet. */
export const timings: Timings = {
  connect: 15_000, reply: 15_000, ping: 25_000, stable: 10_000, backoff: { min: 500, max: 30_000 }, people: 300_000,
};

export interface ConnectionOptions {
  /** The address of the WebSocket, ws: or wss:. */
  readonly url: string;
  readonly device: 'web' | 'phone' | 'desktop' | 'bot';
  readonly socket: (url: string) => Socket;
  readonly environment: Environment;
  readonly timings: Timings;
  /**
   * Returns a valid token; with `fresh`, one newer than the last. Rejects with the code
   * `unauthorized` when the session is over, and with anything else when trying again later may
   * help.
   */
  readonly token: (fresh: boolean) => Promise<string>;
}

interface Hello {
  readonly type: 'hello';
  readonly version: number;
  readonly token: string;
  readonly device: ConnectionOptions['device'];
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (err: Error) => void;
  timer: ReturnType<typeof setTimeout>;
}

interface Events {
  /** The connection's state changed. */
  state: ConnectionState;
  /** The server welcomed the client on a new socket. */
  welcome: WelcomeEvent;
  /** An event arrived that is no reply. */
  event: ServerEvent;
}

/** While other events arrive, a reply may take this many times `reply`. */
const mostReplies = 8;

const replyTypes = new Set(['inbox', 'welcome', 'joined', 'ack', 'error', 'who', 'history']);

/**
 * One logical connection: one socket after another, each with a hello, until stop. It reconnects by
 * itself unless the close code forbids it. It knows requests and replies, and no rooms.
 */
export class Connection extends Emitter<Events> {
  #state: ConnectionState = { kind: 'idle' };
  #socket: Socket | undefined;
  #attempt = 0;
  #freshToken = false;
  #triedFresh = false;
  #welcomedAt = 0;
  #heardAt = 0;
  #bye: ByeEvent | undefined;
  #pauseUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #pingMs = 0;
  #unwatch: (() => void) | undefined;
  #nextID = 0;
  #limits: Partial<Limits> = {};
  /** Joins that are said as soon as all others of this moment are here. */
  #joins: RoomJoin[] = [];
  readonly #requests = new Map<string, Waiting>();
  readonly #o: ConnectionOptions;

  constructor(options: ConnectionOptions) {
    super();
    this.#o = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects, and keeps connected until stop. Does nothing if it runs already. */
  start(): void {
    if (this.#unwatch) return;
    this.#unwatch = this.#o.environment.watch(() => this.#environmentChanged());
    this.#attempt = 0;
    void this.#connect();
  }

  /** Closes the socket, fails all requests that wait for a reply, and stays closed. */
  stop(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    clearTimeout(this.#timer);
    this.#drop(1000);
    this.#set({ kind: 'idle' });
  }

  /** Connects at once if it is waiting, or was refused. */
  retryNow(): void {
    if (!this.#unwatch || this.#socket || this.#state.kind === 'connecting') return;
    clearTimeout(this.#timer);
    this.#attempt = 0;
    void this.#connect();
  }

  /**
   * Sends a command and returns its reply. Rejects with HubbubError for an `error` reply, and with
   * ConnectionLost when the socket ended or there was none: then nobody knows whether the command
   * was carried out.
   */
  request<C extends Command>(command: C): Promise<ReplyOf<C>> {
    if (this.#state.kind !== 'online') return Promise.reject(new ConnectionLost('There is no connection to the server.'));
    return this.#request(command) as Promise<ReplyOf<C>>;
  }

  /**
   * Sends a command without waiting for its reply. Without a connection, it drops the command and
   * returns false.
   */
  send(command: Command): boolean {
    if (this.#state.kind !== 'online' || !this.#socket) return false;
    this.#send(command);
    return true;
  }

  #request(command: Command | Hello): Promise<Reply> {
    const id = (this.#nextID++).toString(36);
    const { reply } = this.#o.timings;
    return new Promise((resolve, reject) => {
      const asked = this.#o.environment.now();
      const late = () => {
        const now = this.#o.environment.now();
        // On a slow line the reply may be queued behind much else: keep waiting while something
        // arrives.
        if (now - this.#heardAt < reply && now - asked < mostReplies * reply) {
          waiting.timer = setTimeout(late, reply);
          return;
        }
        // A server that answers pings but not this command is as good as gone: a new socket may
        // reach another.
        this.#requests.delete(id);
        reject(new ConnectionLost('The server did not answer in time.'));
        this.#connectionLost(1006, '');
      };
      const waiting: Waiting = { resolve, reject, timer: setTimeout(late, reply) };
      this.#requests.set(id, waiting);
      this.#send({ ...command, id });
    });
  }

  /** Sends a command, after all that were sent before. Joins of the same moment go together. */
  #send(command: (Command | Hello) & { readonly id?: string }): void {
    if (command.type !== 'join' || command.id === undefined) {
      this.#sendJoins();
      this.#socket?.send(JSON.stringify(command));
      return;
    }
    const { type: _, ...join } = command;
    this.#joins.push({ ...join, id: command.id });
    if (this.#joins.length === 1) queueMicrotask(() => this.#sendJoins());
  }

  #sendJoins(): void {
    if (!this.#joins.length) return;
    const messages = joinMessages(this.#joins, this.#limits);
    this.#joins = [];
    for (const message of messages) this.#socket?.send(message);
  }

  async #connect(): Promise<void> {
    if (!this.#o.environment.online()) {
      this.#set({ kind: 'offline' });
      return;
    }
    this.#set({ kind: 'connecting' });
    const runs = this.#unwatch;
    let token: string;
    try {
      token = await this.#o.token(this.#freshToken);
      this.#freshToken = false;
    } catch (err) {
      if (this.#unwatch !== runs || this.#state.kind !== 'connecting') return;
      if (err instanceof HubbubError && err.code === 'unauthorized') this.#set({ kind: 'stopped', code: 0, message: err.message });
      else this.#wait(err instanceof HubbubError ? err.retryAfterMs : undefined);
      return;
    }
    if (this.#unwatch !== runs || this.#state.kind !== 'connecting') return;
    this.#open(token);
  }

  #open(token: string): void {
    this.#bye = undefined;
    let socket: Socket;
    try {
      socket = this.#o.socket(this.#o.url);
    } catch (err) {
      // Browsers refuse some addresses at once, for example ws: from a page that was loaded over
      // https:.
      this.#connectionLost(1006, err instanceof Error ? err.message : '');
      return;
    }
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#connectionLost(1006, ''), this.#o.timings.connect);
    socket.addEventListener('open', () => {
      if (socket !== this.#socket) return;
      this.#request({ type: 'hello', version: VERSION, token, device: this.#o.device })
        .then((reply) => this.#welcomed(reply as WelcomeEvent))
        .catch(() => undefined); // a close code follows and says what to do
    });
    socket.addEventListener('message', (e) => {
      if (socket === this.#socket && typeof e.data === 'string') this.#received(e.data);
    });
    socket.addEventListener('close', (e) => {
      if (socket === this.#socket) this.#connectionLost(e.code, e.reason);
    });
    socket.addEventListener('error', () => undefined); // a close event follows and says more
  }

  #welcomed(welcome: WelcomeEvent): void {
    clearTimeout(this.#timer);
    this.#welcomedAt = this.#o.environment.now();
    this.#triedFresh = false;
    this.#limits = welcome.limits;
    this.#pingMs = welcome.ping_ms || this.#o.timings.ping;
    this.#noteActivity();
    this.#set({ kind: 'online' });
    this.emit('welcome', welcome);
  }

  #received(frame: string): void {
    const event = parseEvent(frame);
    this.#noteActivity();
    if (!event) return;
    if (event.type === 'bye') this.#bye = event;
    // Only replies are matched: the `id` of a log entry is the sender's.
    const id = replyTypes.has(event.type) ? (event as Reply).id : undefined;
    const waiting = id === undefined ? undefined : this.#requests.get(id);
    if (id === undefined || !waiting) {
      this.emit('event', event);
      return;
    }
    this.#requests.delete(id);
    clearTimeout(waiting.timer);
    if (event.type === 'error') waiting.reject(new HubbubError(event.code, event.message, event.retry_after_ms));
    else waiting.resolve(event as Reply);
  }

  /** Anything heard is a sign of life; after a silence the client asks for one. */
  #noteActivity(): void {
    this.#heardAt = this.#o.environment.now();
    if (this.#pingMs) this.#pingTimer ??= setTimeout(() => this.#pingIfSilent(), this.#pingMs);
  }

  /** Asks for a sign of life if nothing was heard for long enough. */
  #pingIfSilent(): void {
    const left = Math.min(this.#heardAt + this.#pingMs - this.#o.environment.now(), this.#pingMs); // clocks are set back
    this.#pingTimer = left > 0 ? setTimeout(() => this.#pingIfSilent(), left) : undefined;
    if (left <= 0) this.#ping(this.#o.timings.reply);
  }

  #ping(patience: number): void {
    if (this.#state.kind !== 'online') return;
    const socket = this.#socket;
    const impatient = setTimeout(() => socket === this.#socket && this.#connectionLost(1006, ''), patience);
    this.#request({ type: 'ping' }).catch(() => undefined).finally(() => clearTimeout(impatient));
  }

  #environmentChanged(): void {
    if (!this.#o.environment.online()) {
      if (this.#state.kind === 'waiting') {
        clearTimeout(this.#timer);
        this.#set({ kind: 'offline' });
      } else if (this.#state.kind === 'online') this.#ping(3_000);
      return;
    }
    // After a sleep a socket may look open and be dead: send a ping.
    if (this.#state.kind === 'online') this.#ping(5_000);
    else if (this.#state.kind === 'offline' || this.#state.kind === 'waiting') {
      clearTimeout(this.#timer);
      const pause = this.#pauseUntil - this.#o.environment.now();
      // Keep a wait that the server asked for; cut short one that was our own guess.
      if (pause > 0) this.#wait(pause);
      else void this.#connect();
    }
  }

  #connectionLost(code: number, reason: string): void {
    this.#drop(code === 1006 ? undefined : 1000);
    if (!this.#unwatch) return;
    const now = this.#o.environment.now();
    if (this.#welcomedAt && now - this.#welcomedAt >= this.#o.timings.stable) this.#attempt = 0;
    this.#welcomedAt = 0;
    const asked = this.#bye?.retry_after_ms;
    const message = this.#bye?.message || reason;
    if (code === Close.tokenExpired) this.#freshToken = true;
    if (code === Close.unauthorized && !this.#triedFresh) {
      // The token may be old rather than wrong: try once with a new one.
      this.#freshToken = this.#triedFresh = true;
      this.#wait(undefined);
      return;
    }
    if (!shouldReconnect(code)) {
      this.#set({ kind: 'stopped', code, message });
      return;
    }
    if (asked !== undefined) this.#pauseUntil = now + asked;
    this.#wait(asked);
  }

  #wait(ms: number | undefined): void {
    if (!this.#o.environment.online()) {
      this.#set({ kind: 'offline' });
      return;
    }
    const wait = ms || delay(this.#o.timings.backoff, this.#attempt++, this.#o.environment.random);
    this.#set({ kind: 'waiting', until: this.#o.environment.now() + wait });
    this.#timer = setTimeout(() => void this.#connect(), wait);
  }

  /** Lets go of the socket and fails what waits for a reply. */
  #drop(code: number | undefined): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#pingTimer);
    this.#pingTimer = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(code);
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const r of requests) {
      clearTimeout(r.timer);
      r.reject(new ConnectionLost());
    }
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.emit('state', state);
  }
}
