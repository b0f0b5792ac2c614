import { expect, test } from 'vitest';
import { persistentList, most, type Browser } from './persistent-list.ts';

type Entry = { id: string };
const isEntry = (v: unknown): v is Entry => typeof (v as Partial<Entry> | null)?.id === 'string';
const settled = () => new Promise((resolve) => setTimeout(resolve));

function storage(): Storage {
  const kept: Record<string, string> = {};
  const hidden = (value: unknown) => ({ value, enumerable: false, configurable: true });
  return Object.defineProperties(kept, {
    getItem: hidden((k: string) => (Object.hasOwn(kept, k) ? kept[k] : null)),
    setItem: hidden((k: string, v: string) => void (kept[k] = v)),
    removeItem: hidden((k: string) => void delete kept[k]),
  }) as unknown as Storage;
}

/** A browser with tabs, which have one local storage and one set of locks. */
class Tabs {
  readonly local = storage();
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();
  readonly #listeners = new Map<object, (key: string | null) => void>();

  /** A tab, and what closes it without asking it. */
  open(session = storage(), locks = true) {
    const held = new Set<() => void>();
    const tab = {};
    const request = (name: string, o: LockOptions, work: () => unknown) => {
      let ended = () => {};
      const dead = new Promise<void>((resolve) => (ended = resolve));
      held.add(ended);
      const queue = this.#waiting.get(name) ?? [];
      this.#waiting.set(name, queue);
      return new Promise<void>((resolve, reject) => {
        const run = async () => {
          if (o.signal?.aborted) reject(new Error('aborted'));
          else if (held.has(ended)) await Promise.race([Promise.resolve(work()), dead]);
          queue.shift();
          resolve();
          void queue[0]?.();
        };
        if (queue.push(run) === 1) void Promise.resolve().then(run);
      });
    };
    const local = new Proxy(this.local, {
      get: (to, k) => (k === 'setItem' ? (name: string, v: string) => {
        to.setItem(name, v);
        for (const [t, listener] of this.#listeners) if (t !== tab) listener(name);
      } : Reflect.get(to, k)),
    });
    const browser: Browser = {
      local: () => local, session: () => session, locks: locks ? { request } as unknown as LockManager : undefined,
      watch: (written) => (this.#listeners.set(tab, written), () => this.#listeners.delete(tab)),
    };
    return {
      browser, session,
      die: () => {
        this.#listeners.delete(tab);
        for (const end of held) end();
        held.clear();
      },
    };
  }
}

const opened = (tab: { browser: Browser }, key = 'k') => {
  const store = persistentList(key, isEntry, tab.browser);
  const adopted: string[] = [];
  store.adopt((left) => {
    adopted.push(...left.map((e) => e.id));
    store.save(left);
  });
  return { store, adopted };
};

test('what a closed tab has left is taken over by one of those that are open, as soon as it is closed', async () => {
  const tabs = new Tabs();
  const [first, second, third] = [tabs.open(), tabs.open(), tabs.open()];
  const [a, b, c] = [opened(first), opened(second), opened(third)];
  await settled();
  a.store.save([{ id: 'one' }, { id: 'two' }]);
  expect(a.store.persistent).toBe(true);
  await settled();
  expect([b.adopted, c.adopted]).toEqual([[], []]); // its tab is there
  first.die();
  await settled();
  expect([...b.adopted, ...c.adopted]).toEqual(['one', 'two']);
  second.die();
  third.die();
  const d = opened(tabs.open());
  await settled();
  expect(d.adopted).toEqual(['one', 'two']);
  d.store.save([]);
  expect(Object.keys(tabs.local)).toEqual([]);
});

test('it is each user’s own, a log-out forgets that of all tabs, and a tab that is done leaves it for the next', async () => {
  const tabs = new Tabs();
  const a = opened(tabs.open(), 'ada');
  const again = opened(tabs.open(), 'ada');
  await settled();
  a.store.save([{ id: 'one' }]);
  const bo = opened(tabs.open(), 'bo');
  await settled();
  a.store.close();
  a.store.save([{ id: 'late' }]);
  await settled();
  expect([again.adopted, bo.adopted]).toEqual([['one'], []]);
  bo.store.save([{ id: 'of bo' }]);
  again.store.clear();
  again.store.close();
  const after = opened(tabs.open(), 'ada');
  await settled();
  expect(after.adopted).toEqual([]);
  expect(Object.values(tabs.local)).toEqual(['[{"id":"of bo"}]']);
});

test('without locks, or with more than is kept, the rest outlasts a reload and says so', async () => {
  const tabs = new Tabs();
  const plain = tabs.open(storage(), false);
  const a = opened(plain);
  a.store.save([{ id: 'one' }]);
  expect(a.store.persistent).toBe(false);
  expect(opened(plain).store.load()).toEqual([{ id: 'one' }]);
  const tab = tabs.open();
  const b = opened(tab);
  await settled();
  b.store.save(Array.from({ length: most.entries + 1 }, (_, i) => ({ id: `${i}` })));
  expect(b.store.persistent).toBe(false);
  expect(opened(tab).store.load()).toEqual([{ id: `${most.entries}` }]);
  b.store.save([{ id: 'x'.repeat(most.length) }, { id: 'y' }]);
  expect(Object.values(tabs.local)).toEqual([]);
  b.store.save([{ id: 'z' }]);
  expect([b.store.persistent, opened(tab).store.load()]).toEqual([true, []]);
});

test('where storage is forbidden, or has something else in it, nothing is thrown', async () => {
  const tabs = new Tabs();
  const denied = () => {
    throw new Error('denied');
  };
  const tab = tabs.open();
  const a = opened({ browser: { ...tab.browser, local: denied, session: denied } });
  await settled();
  a.store.save([{ id: 'one' }]);
  expect([a.store.persistent, a.store.load()]).toEqual([false, []]);
  a.store.clear();
  tabs.local.setItem('k.x', '{"not":"ours"}');
  tabs.local.setItem('k.y', '[1,null,{"id":"one"}');
  const b = opened(tabs.open());
  await settled();
  expect(b.adopted).toEqual([]);
});
