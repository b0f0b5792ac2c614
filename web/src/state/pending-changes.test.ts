import { expect, test } from 'vitest';
import { ConnectionLost, type Message } from '../client/index.ts';
import { type PendingChange, PendingChanges, isPendingChange } from './pending-changes.ts';

const message = (fields: Partial<Message> = {}): Message => ({ room: 'a', id: 'm1', seq: 1, user: 'ada', name: 'Ada', ts: 1, text: 'one', reactions: {}, ...fields });

/** A client that is connected or not, and notes what it is told. */
class Fake {
  online = false;
  told: string[] = [];
  refuses: Error | undefined;
  messages: Message[] = [message()];
  listeners: ((room: string) => void)[] = [];
  kept: readonly unknown[] = [];
  adopt: (left: PendingChange[]) => void = () => undefined;
  readonly refused: unknown[] = [];
  readonly client = {
    me: { id: 'ada', name: 'Ada', guest: false },
    get state() { return { kind: 'online' }; },
    rooms: new Map(),
    on: (_: string, f: (room: string) => void) => (this.listeners.push(f), () => (this.listeners = this.listeners.filter((l) => l !== f))),
    emit: (_: string, room: string) => this.listeners.forEach((f) => f(room)),
    edit: (...a: unknown[]) => this.#tell('edit', a),
    react: (_: string, m: { id: string }, ...a: unknown[]) => this.#tell('react', [m.id, ...a]),
  };
  async #tell(what: string, a: unknown[]): Promise<void> {
    if (!this.online) throw new ConnectionLost();
    if (this.refuses) throw this.refuses;
    this.told.push([what, ...a].join(' '));
  }
  acts(): PendingChanges {
    Object.defineProperty(this.client, 'state', { get: () => ({ kind: this.online ? 'online' : 'offline' }) });
    this.client.rooms.set('a', { log: { messages: this.messages } });
    Object.defineProperty(this.client.rooms.get('a'), 'live', { get: () => this.online });
    return new PendingChanges(this.client as unknown as ConstructorParameters<typeof PendingChanges>[0], 'k', (err) => this.refused.push(err), {
      load: () => this.kept as PendingChange[], save: (list) => void (this.kept = list), persistent: true, adopt: (take) => void (this.adopt = take), clear: () => void (this.kept = []), close: () => undefined,
    });
  }
  async back(): Promise<void> {
    this.online = true;
    this.client.emit('room', 'a');
    await new Promise((resolve) => setTimeout(resolve));
  }
}

test('with a connection a change is told at once, and a refusal is the caller’s', async () => {
  const f = new Fake();
  f.online = true;
  const acts = f.acts();
  await acts.edit('a', message(), 'two');
  f.refuses = new Error('no');
  await expect(acts.react('a', message(), '👍', true)).rejects.toThrow('no');
  expect([f.told, acts.waiting]).toEqual([['edit a m1 two'], false]);
  expect(acts.applyTo('a', f.messages)).toBe(f.messages);
});

test('without one it is seen at once, outlasts a reload, and is told in order later', async () => {
  const f = new Fake();
  let acts = f.acts();
  await acts.react('a', message(), '👍', true);
  await acts.edit('a', message(), 'two');
  await acts.edit('a', message(), 'three'); // takes the place of the one before
  await acts.react('a', message({ id: 'm2', user: 'bo' }), '🎉', true);
  await acts.react('a', message({ id: 'm2', user: 'bo' }), '🎉', false);
  expect(acts.applyTo('a', [message()])).toEqual([message({ text: 'three', unsent: true, reactions: { '👍': ['ada'] } })]);
  expect(acts.applyTo('b', f.messages)).toBe(f.messages);
  acts.close();
  acts = f.acts();
  expect(acts.waiting).toBe(true);
  await f.back();
  expect(f.told).toEqual(['react m1 👍 true', 'edit a m1 three', 'react m2 🎉 false']);
  expect([acts.waiting, f.kept.length]).toEqual([false, 0]);
});

test('what the log has already is not told again', async () => {
  const f = new Fake();
  const acts = f.acts();
  await acts.edit('a', message(), 'two');
  await acts.react('a', message(), '👍', true);
  f.messages[0] = message({ text: 'two', reactions: { '👍': ['bo', 'ada'] } });
  await f.back();
  expect([f.told, acts.waiting]).toEqual([[], false]);
});

test('what the server refuses then is told of, and holds nothing up', async () => {
  const f = new Fake();
  const acts = f.acts();
  await acts.edit('a', message(), 'two');
  f.refuses = new Error('too late');
  await f.back();
  expect([f.refused.map(String), acts.waiting]).toEqual([['Error: too late'], false]);
});

test('what a closed tab has left is told once, and gives way to what was done here later', async () => {
  const f = new Fake();
  const acts = f.acts();
  await acts.edit('a', message(), 'here');
  const left = { room: 'a', message: { id: 'm1', user: 'ada' }, ts: 1 };
  f.adopt([{ ...left, text: 'there' }, { ...left, emoji: '👍', on: true }]);
  expect(acts.applyTo('a', [message()])).toEqual([message({ text: 'here', unsent: true, reactions: { '👍': ['ada'] } })]);
  expect(f.kept).toHaveLength(2); // kept here before it is forgotten there
  await f.back();
  expect(f.told).toEqual(['react m1 👍 true', 'edit a m1 here']);
});

test('what is kept and of no form is no change', () => {
  const all: unknown[] = [1, null, 'x', { room: 'a' }, { room: 'a', message: { id: 'm', user: 'u' }, ts: 1, emoji: 'x' }];
  expect(all.filter(isPendingChange)).toEqual([]);
});
