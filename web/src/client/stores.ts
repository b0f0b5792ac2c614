import { persistentList } from './persistent-list.ts';
import type { Outgoing, OutboxStore } from './outbox.ts';
import type { ReadsStore } from './reads.ts';

/** Keeps unsent messages until they are sent, also when the tab is closed. */
export function outboxStore(key: string): OutboxStore {
  const store = persistentList(key, isOutgoing);
  return {
    load: () => store.load().map(current),
    save: (outgoing) => store.save(outgoing),
    get persistent() {
      return store.persistent;
    },
    adopt: (take) => store.adopt((list) => take(list.map(current))),
    clear: () => store.clear(),
    close: () => store.close(),
  };
}

/** Stores read positions in localStorage, for a server that does not keep them. */
export function readsStore(key: string): ReadsStore {
  return {
    load() {
      const v = read(() => localStorage, key);
      if (typeof v !== 'object' || v === null) return {};
      return Object.fromEntries(Object.entries(v).filter((e): e is [string, number] => typeof e[1] === 'number'));
    },
    save: (reads) => write(() => localStorage, key, reads),
  };
}

function isOutgoing(v: unknown): v is Outgoing {
  const m = v as Partial<Outgoing> | null;
  return typeof m?.room === 'string' && typeof m.id === 'string' && typeof m.text === 'string' && typeof m.ts === 'number'
    && (m.state === 'sending' || m.state === 'failed');
}

/** Reads a message in the form of the release before, in which a reply names only an id. */
function current(m: Outgoing): Outgoing {
  const replyTo: unknown = m.replyTo;
  return typeof replyTo === 'string' ? { ...m, replyTo: { id: replyTo } } : m;
}

/** Where a browser forbids storage, even naming it throws. */
type Naming = () => Storage;

function read(storage: Naming, key: string): unknown {
  try {
    return JSON.parse(storage().getItem(key) ?? 'null');
  } catch {
    return null; // storage is off, or the value is not ours
  }
}

function write(storage: Naming, key: string, value: unknown): void {
  try {
    if (value === undefined) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // Storage is off or full: it lasts as long as the page.
  }
}
