import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { WebSocketServer, type WebSocket } from 'ws';

/**
 * A mock of Hubbub for working on the page's looks, in memory and with no care for anything else. Whether the page
 * works with Hubbub is the matter of the tests in e2e/, which run against the real one.
 */

interface Event {
  type: string;
  seq: number;
  prev: number;
  room: string;
  id: string;
  user: string;
  name: string;
  ts: number;
  [field: string]: unknown;
}
interface MockRoom {
  id: string;
  name: string;
  topic: string;
  private: boolean;
  direct: boolean;
  members: Set<string>;
  log: Event[];
}
interface MockUser {
  id: string;
  name: string;
  guest: boolean;
}
type Middlewares = { use: (handler: (req: IncomingMessage, res: ServerResponse, next: () => void) => void) => void };

const users = new Map<string, MockUser>();
const rooms = new Map<string, MockRoom>();
const sockets = new Map<WebSocket, { user: MockUser; rooms: Set<string>; watch: Set<string>; status: string }>();
let clock = Date.now() - 3 * 86_400_000;

function user(name: string, guest = false): MockUser {
  const id = `user-${name.toLowerCase()}`;
  const u = users.get(id) ?? { id, name, guest };
  users.set(id, u);
  return u;
}
function room(id: string, name: string, topic: string, extra: Partial<MockRoom> = {}): MockRoom {
  const r = { id, name, topic, private: false, direct: false, members: new Set(users.keys()), log: [], ...extra };
  rooms.set(id, r);
  return r;
}
function append(r: MockRoom, type: string, by: MockUser, fields: object, ts = Date.now()): Event {
  const prev = r.log.at(-1)?.seq ?? 0;
  const e: Event = { type, seq: prev + 7, prev, room: r.id, id: randomUUID(), user: by.id, name: by.name, ts, ...fields };
  r.log.push(e);
  for (const [s, state] of sockets) if (state.rooms.has(r.id)) s.send(JSON.stringify(e));
  return e;
}
function messages(r: MockRoom): Record<string, unknown>[] {
  const found = new Map<string, Record<string, unknown>>();
  for (const e of r.log) {
    const target = found.get(String(e['target']));
    if (e.type === 'msg') found.set(e.id, { ...e, reactions: {} });
    else if (!target) continue;
    else if (e.type === 'edited') Object.assign(target, { text: e['text'], edited_ts: e.ts });
    else if (e.type === 'deleted') Object.assign(target, { text: '', deleted: true, reactions: {} });
    else if (e.type === 'reacted') {
      const reactions = target['reactions'] as Record<string, string[]>;
      const others = (reactions[String(e['emoji'])] ?? []).filter((u) => u !== e.user);
      reactions[String(e['emoji'])] = e['on'] ? [...others, e.user] : others;
    }
  }
  return [...found.values()];
}
function online(r: MockRoom) {
  const list = [...sockets.values()].filter((s) => r.members.has(s.user.id) && s.status !== 'invisible')
    .map((s) => ({ user: s.user.id, name: s.user.name, status: s.status }));
  for (const [name, status] of [['Grace', 'online'], ['Linus', 'idle'], ['Barbara', 'dnd']] as const) {
    if (r.members.has(user(name).id)) list.push({ user: user(name).id, name, status });
  }
  return [...new Map(list.map((p) => [p.user, p])).values()];
}

function seed(): void {
  const [ada, grace, linus, barbara, alan] = ['Ada', 'Grace', 'Linus', 'Barbara', 'Alan'].map((n) => user(n)) as MockUser[];
  const lobby = room('lobby', 'Lobby', 'Whatever is on your mind');
  room('random', 'Random', 'Off topic, on purpose');
  const release = room('release', 'Release 2.4', 'Ship on Thursday', { private: true });
  room('garden', 'Garden club', 'Tomatoes, mostly', { members: new Set([grace!.id]) });
  const direct = room('d-grace', '', '', { direct: true, private: true, members: new Set([ada!.id, grace!.id]) });
  const say = (r: MockRoom, u: MockUser, text: string, after = 60_000, more: object = {}) => append(r, 'msg', u, { text, ...more }, (clock += after));
  for (let i = 0; i < 120; i++) say(lobby, [grace, linus, barbara][i % 3]!, `Older message number ${i + 1}, to scroll through.`, 90_000);
  clock = Date.now() - 26 * 3_600_000;
  say(lobby, grace!, 'Morning everyone! The new build is up on staging.');
  say(lobby, grace!, 'Release notes: https://example.org/releases/2.4 (draft)');
  const q = say(lobby, linus!, 'Nice. Does the reconnect survive a server restart now? I saw it lose its place last week when the laptop slept through lunch, and it came back with yesterday’s messages on top.');
  say(lobby, barbara!, 'It does. Pull the cable and see.', 120_000, { reply_to: q.id });
  clock = Date.now() - 50 * 60_000;
  const m = say(lobby, ada!, 'I tried it on the train this morning: four tunnels, nothing lost, nothing twice.');
  append(lobby, 'reacted', grace!, { target: m.id, emoji: '🎉', on: true }, clock);
  append(lobby, 'reacted', linus!, { target: m.id, emoji: '🎉', on: true }, clock);
  append(lobby, 'reacted', linus!, { target: m.id, emoji: '❤️', on: true }, clock);
  const bad = say(lobby, ada!, 'The clock on messages that were waiting was a nice touch too');
  append(lobby, 'edited', ada!, { target: bad.id, text: 'The little clock on messages that were waiting is a nice touch, too.' }, clock);
  say(lobby, linus!, 'oops, wrong room');
  append(lobby, 'deleted', linus!, { target: lobby.log.at(-1)!.id }, clock);
  say(lobby, grace!, 'Then let’s ship it 🚀', 600_000);
  say(release, barbara!, 'Changelog is done.', 60_000);
  say(release, alan!, 'Tagging tomorrow at nine.', 60_000);
  say(direct, grace!, 'Coffee at three?', 60_000);
}

async function http(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const body = (chunks.length ? JSON.parse(Buffer.concat(chunks).toString() || '{}') : {}) as Record<string, string>;
  const url = new URL(req.url!, 'http://x');
  const me = users.get((req.headers.authorization ?? '').replace('Bearer ', ''));
  const reply = (status: number, value: object) => {
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(value));
  };
  const problem = (status: number, code: string, detail: string) => reply(status, { status, code, detail });
  const info = (r: MockRoom) => ({
    ...(r.direct && { with: [...r.members].find((u) => u !== me!.id) }),
    id: r.id, topic: r.topic, private: r.private, direct: r.direct, member: r.members.has(me!.id), role: r.members.has(me!.id) ? 'member' : '',
    name: r.direct ? users.get([...r.members].find((u) => u !== me!.id)!)!.name : r.name,
  });
  const path = url.pathname.slice(4);
  if (['register', 'login', 'guest'].includes(path)) {
    if (body['password'] === 'wrong-password') return problem(401, 'unauthorized', 'The name or the password is wrong.');
    const u = user(body['name']!, path === 'guest');
    for (const id of ['lobby', 'random', 'release']) rooms.get(id)!.members.add(u.id);
    return reply(200, { token: u.id, refresh_token: u.id, expires_at: Date.now() + 900_000, user: u });
  }
  if (!me) return problem(401, 'unauthorized', 'Log in first.');
  const [, id, what] = /^rooms\/([^/]+)\/(\w+)$/.exec(path) ?? [];
  const r = id ? rooms.get(id) : undefined;
  if (path === 'rooms' && req.method === 'GET') return reply(200, { rooms: [...rooms.values()].filter((x) => !x.private || x.members.has(me.id)).map(info) });
  if (path === 'rooms') return reply(200, info(room(randomUUID(), body['name']!, body['topic'] ?? '', { private: Boolean(body['private']), members: new Set([me.id]) })));
  if (path === 'users') return reply(200, { users: [...users.values()].filter((u) => u.name.toLowerCase().startsWith(url.searchParams.get('q')!.toLowerCase())) });
  if (path === 'direct') {
    const other = users.get(body['user']!)!;
    return reply(200, info(rooms.get(`d-${other.id}`) ?? room(`d-${other.id}`, '', '', { direct: true, private: true, members: new Set([me.id, other.id]) })));
  }
  if (path === 'logout') return reply(200, {});
  if (r && what === 'members' && req.method === 'GET') return reply(200, { members: [...r.members].map((u) => ({ user: u, name: users.get(u)!.name, role: 'member' })) });
  if (r && what === 'members') r.members.add(body['user']!);
  else if (r && what === 'join') r.members.add(me.id);
  else if (r && what === 'leave') r.members.delete(me.id);
  else return problem(404, 'not_found', 'There is no such thing.');
  return reply(200, {});
}

function say(socket: WebSocket, data: string): void {
  const c = JSON.parse(data) as Record<string, string> & { seq: number; before?: number; limit?: number; after?: { seq: number }; on: boolean };
  const reply = (event: object) => socket.send(JSON.stringify({ ...event, id: c['id'] }));
  if (c['type'] === 'hello') {
    const me = users.get(c['token']!);
    if (!me) return socket.close(4501);
    sockets.set(socket, { user: me, rooms: new Set(), watch: new Set(), status: 'online' });
    return reply({ type: 'welcome', version: 1, user: me.id, name: me.name, session: 's', limits: { frame: 65_536, text: 4_096, rooms: 500, rate: 50 }, ping_ms: 25_000, ts: Date.now() });
  }
  const state = sockets.get(socket);
  if (!state) return socket.close(4500);
  const r = rooms.get(c['room'] ?? '');
  const ack = (more: object = {}) => reply({ type: 'ack', ...more });
  if (!r) return ack();
  const roomState = () => ({ room: r.id, count: online(r).length, users: online(r) });
  const tell = (e: object, to: (s: { rooms: Set<string>; watch: Set<string> }) => boolean) => {
    for (const [s, st] of sockets) if (s !== socket && to(st)) s.send(JSON.stringify(e));
  };
  switch (c['type']) {
    case 'join':
      state.rooms.add(r.id);
      if (c.after) for (const e of r.log.filter((x) => x.seq > c.after!.seq)) socket.send(JSON.stringify(e));
      tell({ type: 'presence', ...roomState() }, (s) => s.watch.has(r.id));
      return reply({ type: 'joined', room: r.id, seq: r.log.at(-1)?.seq ?? 0 });
    case 'history': {
      const all = messages(r).filter((m) => !c.before || (m['seq'] as number) < c.before);
      const limit = c.limit ?? 50;
      setTimeout(() => reply({ type: 'history', room: r.id, messages: all.slice(-limit), more: all.length > limit }), 150);
      return undefined;
    }
    case 'send': {
      if (c['text'] === '/list-users') {
        reply({ type: 'notice', room: r.id, code: 'users', text: 'online', users: online(r) });
        return ack();
      }
      if (c['text'] === '/fail') return reply({ type: 'error', code: 'forbidden', message: 'You may not write here.' });
      const e = append(r, 'msg', state.user, { id: c['msg_id'], text: c['text'], ...(c['reply_to'] && { reply_to: c['reply_to'] }) });
      const grace = user('Grace');
      if (state.user.id !== grace.id) {
        setTimeout(() => tellAll({ type: 'typing', room: r.id, user: grace.id, name: grace.name }), 600);
        setTimeout(() => {
          tellAll({ type: 'read', room: r.id, user: grace.id, seq: e.seq });
          append(r, 'msg', grace, { text: `“${c['text']}”: indeed.` });
        }, 2_500);
      }
      return ack({ msg_id: c['msg_id'], room: r.id, seq: e.seq, ts: e.ts });
    }
    case 'edit':
    case 'delete':
    case 'react': {
      const { type: _, id: __, room: ___, msg_id, ...fields } = c;
      return ack({ seq: append(r, { edit: 'edited', delete: 'deleted', react: 'reacted' }[c['type']]!, state.user, { ...fields, id: msg_id }).seq });
    }
    case 'watch':
      state.watch[c.on ? 'add' : 'delete'](r.id);
      return ack();
    case 'who':
      return reply({ type: 'who', ...roomState() });
    case 'typing':
      tell({ type: 'typing', room: r.id, user: state.user.id, name: state.user.name }, (s) => s.rooms.has(r.id));
      return ack();
    default:
      return ack();
  }
}

function tellAll(e: object): void {
  for (const s of sockets.keys()) s.send(JSON.stringify(e));
}

/** Serves /v1 on a development server. */
export function attach(server: { on: Server['on'] }, middlewares: Middlewares): void {
  seed();
  const ws = new WebSocketServer({ noServer: true });
  server.on('upgrade', (req, socket, head) => {
    if (req.url === '/v1/ws') ws.handleUpgrade(req, socket, head, (s) => ws.emit('connection', s, req));
  });
  ws.on('connection', (s) => {
    s.on('message', (data: Buffer) => say(s, data.toString()));
    s.on('close', () => sockets.delete(s));
  });
  middlewares.use((req, res, next) => (req.url?.startsWith('/v1/') ? void http(req, res) : next()));
}
