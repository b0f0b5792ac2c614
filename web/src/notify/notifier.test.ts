import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Directory } from '../client/directory.ts';
import { Preferences, type StoredPreferences } from '../client/preferences.ts';
import type { App } from '../state/app.svelte.ts';
import type { Chat } from '../state/chat.svelte.ts';
import { NotificationState } from '../state/notification-state.svelte.ts';
import { Notifier } from './notifier.ts';

/** A browser whose notifications are in a list, and a chat with two rooms. */
class World {
  shown: { title: string; tag: string; data: { room?: string }; body?: string; close: () => void }[] = [];
  permission = 'granted';
  subscribed: unknown[] = [];
  readonly storage = new Map<string, string>();
  readonly listeners = new Map<string, ((v: never) => void)[]>();
  readonly messages: ((e: { data: unknown; ports: { postMessage: (v: unknown) => void }[] }) => void)[] = [];
  values: Record<string, unknown> = {};
  unread: Record<string, number> = { lobby: 1, direct: 1 };
  readonly muted = new Set<string>();
  serverOn = true;
  notifier: Notifier | undefined;
  readonly followed: string[] = [];
  readonly app = { attention: { here: false }, route: { page: 'rooms' }, address: (path: string) => `https://chat.example/${path}`, follow: (hash: string) => this.followed.push(hash) };
  readonly chat = {
    status: 'online', roomPreferences: { muted: this.muted },
    client: {
      me: { id: 'ada', name: 'Ada', guest: false }, ignored: new Set(['troll']),
      rooms: new Map([['lobby', { live: true, info: { name: 'Lobby', direct: false } }], ['direct', { live: true, info: { name: 'Bo', direct: true } }]]),
      unread: (room: string) => ({ count: this.unread[room] ?? 0 }),
      on: (what: string, f: (v: never) => void) => (this.listeners.set(what, [...(this.listeners.get(what) ?? []), f]), () => undefined),
      preferences: { on: () => () => undefined, get values() { return {}; }, change: async (f: (v: object) => object) => Object.assign(this.values, f(this.values)) },
      directory: { push: async () => ({ key: 'AAAA', on: this.serverOn }), putPush: async (s: unknown) => void this.subscribed.push(s) },
    },
  };

  constructor() {
    Object.defineProperty(this.chat.client.preferences, 'values', { get: () => this.values });
    const registration = {
      showNotification: async (title: string, o: { tag: string; body: string; data: object }) => {
        this.shown = [...this.shown.filter((n) => n.tag !== o.tag), { title, ...o, close: () => (this.shown = this.shown.filter((n) => n.tag !== o.tag)) }];
      },
      getNotifications: async () => this.shown,
      pushManager: {
        getSubscription: async () => null,
        subscribe: async () => ({ toJSON: () => ({ endpoint: 'https://push.example/1' }), options: {} }),
      },
    };
    const asks = { requestPermission: async () => (this.permission = this.permission === 'default' ? 'granted' : this.permission) };
    Object.defineProperty(asks, 'permission', { get: () => this.permission });
    vi.stubGlobal('Notification', asks);
    vi.stubGlobal('window', { PushManager: {}, Notification: asks });
    vi.stubGlobal('isSecureContext', true);
    vi.stubGlobal('localStorage', { getItem: (k: string) => this.storage.get(k) ?? null, setItem: (k: string, v: string) => void this.storage.set(k, v) });
    vi.stubGlobal('navigator', { serviceWorker: { ready: Promise.resolve(registration), addEventListener: (_: string, f: World['messages'][number]) => this.messages.push(f) } });
  }

  async open(): Promise<Notifier> {
    this.notifier = new Notifier(this.app as unknown as App, this.chat as unknown as Chat, new NotificationState());
    await vi.waitFor(() => expect(this.notifier!.on).toBeDefined());
    return this.notifier;
  }
  async says(room: string, user: string, text: string, ts = Date.now()): Promise<void> {
    for (const f of this.listeners.get('entry') ?? []) f({ room, entry: { type: 'msg', user, name: user, text, ts, seq: 7 } } as never);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

let w: World;
beforeEach(() => void (w = new World()));
afterEach(() => {
  w.notifier?.close();
  vi.unstubAllGlobals();
});

test('mentions and direct messages are told while nobody looks, and other messages are not', async () => {
  await w.open();
  await w.says('lobby', 'Bo', 'hello all');
  expect(w.shown).toEqual([]);
  await w.says('lobby', 'Bo', 'hello @Ada');
  await w.says('direct', 'Bo', 'psst');
  expect(w.shown.map((n) => [n.title, n.body, n.data])).toEqual([['Bo mentioned you in Lobby', 'hello @Ada', { room: 'lobby', seq: 7 }], ['Bo', 'psst', { room: 'direct', seq: 7 }]]);
});

test.each<[string, (w: World) => void]>([
  ['the room is looked at', (w) => Object.assign(w.app, { attention: { here: true }, route: { page: 'room', room: 'lobby' } })],
  ['do not disturb', (w) => (w.chat.status = 'dnd')],
  ['a pause', (w) => (w.values = { notify: { paused: Date.now() + 60_000 } })],
  ['nothing of the room', (w) => (w.values = { notify: { rooms: { lobby: 'nothing' } } })],
  ['the device is off', (w) => (w.serverOn = false)],
  ['the browser forbids it', (w) => (w.permission = 'denied')],
])('nothing is told: %s', async (_, set) => {
  set(w);
  await w.open();
  await w.says('lobby', 'Bo', 'hello @Ada');
  expect(w.shown).toEqual([]);
});

test('what is old, of oneself or of whom one ignores is not told', async () => {
  await w.open();
  await w.says('lobby', 'Bo', 'hello @Ada', Date.now() - 120_000);
  await w.says('lobby', 'ada', 'I am @Ada');
  await w.says('lobby', 'troll', '@Ada');
  expect(w.shown).toEqual([]);
});

test('everything of a room is told if that is chosen, unless it is muted, and words are mentions', async () => {
  w.values = { notify: { level: 'everything', words: ['deploy'] } };
  await w.open();
  await w.says('lobby', 'Bo', 'hello all');
  expect(w.shown.map((n) => n.title)).toEqual(['Lobby']);
  w.muted.add('lobby');
  w.shown = [];
  await w.says('lobby', 'Bo', 'hello all');
  expect(w.shown).toEqual([]);
  await w.says('lobby', 'Bo', 'who will deploy?');
  expect(w.shown.map((n) => n.title)).toEqual(['Bo mentioned you in Lobby']);
});

test('quiet hours are changed while an earlier change is on its way', async () => {
  const preferences = new Preferences({ putPreferences: async (c: StoredPreferences) => ({ ...c, version: c.version + 1 }) } as unknown as Directory);
  Object.assign(w.chat.client, { preferences });
  const n = await w.open();
  await Promise.all([n.chooseQuiet({ zone: 'UTC' }), n.chooseQuiet({ from: 21 * 60, zone: 'UTC' }), n.chooseQuiet({ to: 6 * 60, zone: 'UTC' })]);
  expect(preferences.values['notify']).toEqual({ quiet: { from: 21 * 60, to: 6 * 60, zone: 'UTC' } });
  await Promise.all([n.choose({ quiet: undefined }), n.chooseQuiet({ zone: 'UTC' })]);
  expect(preferences.values['notify']).toEqual({ quiet: { from: 22 * 60, to: 7 * 60, zone: 'UTC' } });
});

test('what is read, here or elsewhere, disappears', async () => {
  await w.open();
  await w.says('lobby', 'Bo', '@Ada');
  await w.says('direct', 'Bo', 'psst');
  w.unread['lobby'] = 0;
  for (const f of w.listeners.get('room') ?? []) f('lobby' as never);
  await vi.waitFor(() => expect(w.shown.map((n) => n.data.room)).toEqual(['direct']), { timeout: 5_000 });
});

test('it is asked once, after somebody wanted something, and a yes turns this device on', async () => {
  w.permission = 'default';
  w.serverOn = false;
  const n = await w.open();
  await w.says('lobby', 'Bo', 'hello all');
  expect(n.ask).toBeUndefined();
  await w.says('lobby', 'Bo', '@Ada');
  expect(n.ask).toBe('Bo mentioned you.');
  n.notNow();
  await w.says('direct', 'Bo', 'psst');
  expect(n.ask).toBeUndefined();
  expect(await n.turnOn()).toBe(true);
  expect([n.on, w.subscribed]).toEqual([true, [{ endpoint: 'https://push.example/1' }]]);
  n.close();
  w.subscribed = [];
  await w.open(); // after the next log-in
  await vi.waitFor(() => expect(w.subscribed).toHaveLength(1));
});

test('the service worker is told what is looked at, and has messages opened', async () => {
  await w.open();
  const told: unknown[] = [];
  const ask = (data: unknown) => w.messages.forEach((f) => f({ data, ports: [{ postMessage: (v) => told.push(v) }] }));
  ask({ looking: 'lobby' });
  Object.assign(w.app, { attention: { here: true }, route: { page: 'room', room: 'lobby' } });
  ask({ looking: 'lobby' });
  ask({ open: '#/room/lobby/7' });
  ask(null);
  expect([told, w.followed]).toEqual([[false, true], ['#/room/lobby/7']]);
});
