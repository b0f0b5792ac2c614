import type { Outgoing, OutboxStore } from './outbox.ts';
import type { ReadsStore } from './reads.ts';

/**
 * Keeps a tab's unsent messages over a reload. They belong to the tab, so that two tabs do not send
 * the same message: sessionStorage.
 */
export function outboxStore(key: string): OutboxStore {
  return {
    load: () => list(read(() => sessionStorage, key)).filter(isOutgoing).map(current),
    save: (outgoing) => write(() => sessionStorage, key, outgoing.length ? outgoing : undefined),
  };
}

/** Keeps read positions in localStorage: what a server without read positions does not know. */
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

/**
 * Takes a message as the page of the release before has stored it, in which an answer names an id
 * alone.
 */
function current(m: Outgoing): Outgoing {
  const replyTo: unknown = m.replyTo;
  return typeof replyTo === 'string' ? { ...m, replyTo: { id: replyTo } } : m;
}

const list = (v: unknown): unknown[] => (Array.isArray(v) ? v : []);

/** Where a browser forbids storage, to name it throws already. */
type Naming = () => Storage;

function read(storage: Naming, key: string): unknown {
  try {
    return JSON.parse(storage().getItem(key) ?? 'null');
  } catch {
    return null; // storage is off, or what it holds is not ours
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
