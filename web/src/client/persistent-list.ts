import { newID } from './id.ts';

/** Where a tab keeps a list of what is not sent yet. */
export interface PersistentList<T> {
  /** What this tab kept before it was loaded anew, where nothing lasts longer. */
  load(): T[];
  save(list: readonly T[]): void;
  /** All that was saved last outlasts the tab. */
  readonly persistent: boolean;
  /**
   * Calls back with what tabs have left that are closed, each list in one tab alone. When the call
   * has returned, it is forgotten there: save it before.
   */
  adopt(take: (list: T[]) => void): void;
  /** Forgets everything, also of other tabs. */
  clear(): void;
  /** The tab does without the store from now on; another tab, or a later one, adopts what is in it. */
  close(): void;
}

/** The most of a list that outlasts its tab: entries, and characters of all of them. */
export const most = { entries: 500, length: 500_000 } as const;

/** What a store needs of a browser. */
export interface Browser {
  /** Where a browser forbids storage, even naming it throws. */
  readonly local: () => Storage;
  readonly session: () => Storage;
  /** Undefined where the page came without https. */
  readonly locks: LockManager | undefined;
  /** Calls back with the keys that other tabs write to the local storage. Returns what ends it. */
  readonly watch: (written: (key: string | null) => void) => () => void;
}

const here: Browser = {
  local: () => localStorage,
  session: () => sessionStorage,
  locks: typeof navigator === 'undefined' ? undefined : (navigator as Partial<Navigator>).locks,
  watch(written) {
    const listener = (e: StorageEvent) => written(e.newValue === null ? null : e.key);
    window.addEventListener('storage', listener);
    return () => window.removeEventListener('storage', listener);
  },
};

/**
 * Keeps a tab's list in the local storage, under a name of its own, and holds a lock of the same
 * name for as long as the tab is there. Who gets the lock of another list knows that its tab is
 * gone, and is the only one who adopts it: nothing is sent by two tabs. Without locks nobody could
 * know that; then the list outlasts a reload, and not the tab.
 */
export function persistentList<T>(key: string, valid: (v: unknown) => v is T, browser: Browser = here): PersistentList<T> {
  const prefix = `${key}.`;
  const own = prefix + newID();
  const ended = new AbortController();
  const awaited = new Set<string>();
  let list: readonly T[] = [];
  let held = false;
  let whole = false;
  let take: ((list: T[]) => void) | undefined;

  const parse = (text: string | null): T[] => {
    try {
      const all: unknown = JSON.parse(text ?? '[]');
      return Array.isArray(all) ? all.filter(valid) : [];
    } catch {
      return []; // another program's value
    }
  };
  const attempt = <V>(work: () => V): V | undefined => {
    try {
      return work();
    } catch {
      return undefined; // storage is off or full
    }
  };
  const put = (storage: () => Storage, at: string, text: string | undefined): boolean => attempt(() => {
    if (text === undefined) storage().removeItem(at);
    else storage().setItem(at, text);
    return true;
  }) === true;

  function write(): void {
    if (ended.signal.aborted) return;
    const [kept, text] = fitting(list);
    const lasting = held && put(browser.local, own, text);
    whole = lasting && kept === list.length;
    // What does not last is there after a reload, as far as it can be.
    put(browser.session, key, whole || !list.length ? undefined : JSON.stringify(lasting ? list.slice(kept) : list));
  }

  /** Takes over the list of another tab when that is gone. */
  function wait(name: string): void {
    if (name === own || !name.startsWith(prefix) || awaited.has(name) || ended.signal.aborted) return;
    awaited.add(name);
    browser.locks!.request(name, { signal: ended.signal }, () => {
      awaited.delete(name);
      if (ended.signal.aborted) return;
      const left = parse(attempt(() => browser.local().getItem(name)) ?? null);
      if (left.length) take?.(left);
      put(browser.local, name, undefined);
    }).catch(() => awaited.delete(name));
  }

  const names = (): string[] => attempt(() => Object.keys(browser.local()).filter((k) => k.startsWith(prefix))) ?? [];

  browser.locks?.request(own, { signal: ended.signal }, () => {
    held = true;
    write();
    for (const name of names()) wait(name);
    return new Promise<void>((resolve) => ended.signal.addEventListener('abort', () => resolve()));
  }).catch(() => undefined); // then the list is as one without locks
  const unwatch = browser.locks ? browser.watch((name) => name !== null && held && wait(name)) : () => undefined;

  return {
    load: () => parse(attempt(() => browser.session().getItem(key)) ?? null),
    save(next) {
      list = next;
      write();
    },
    get persistent() {
      return whole;
    },
    adopt(taker) {
      take = taker;
    },
    clear() {
      list = [];
      write();
      for (const name of names()) put(browser.local, name, undefined);
    },
    close() {
      ended.abort();
      unwatch();
    },
  };
}

/** How many of the first entries of a list may last, and their text; undefined: there is nothing. */
function fitting(list: readonly unknown[]): [kept: number, text: string | undefined] {
  const parts: string[] = [];
  let length = 0;
  for (const entry of list.slice(0, most.entries)) {
    const part = JSON.stringify(entry);
    length += part.length;
    if (length > most.length) break;
    parts.push(part);
  }
  return [parts.length, parts.length ? `[${parts.join()}]` : undefined];
}
