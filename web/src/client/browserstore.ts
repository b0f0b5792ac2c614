import type { Grant } from './api.ts';
import type { SessionStore } from './session.ts';

/**
 * A session store in localStorage, shared by all tabs of the page. Where Web Locks exist (https and
 * localhost), only one tab refreshes at a time; elsewhere two may, and the later one finds the
 * earlier one's grant in the store.
 */
export function browserStore(key: string): SessionStore {
  // Where storage is off or full, the session lasts as long as the page.
  let memory: Grant | undefined;
  let leaving = false;
  return {
    load() {
      if (memory) return memory;
      try {
        const grant = JSON.parse(localStorage.getItem(key) ?? 'null') as Grant | null;
        return grant && typeof grant.token === 'string' && typeof grant.user?.id === 'string' ? grant : undefined;
      } catch {
        return undefined; // another program's value
      }
    },
    save(grant) {
      try {
        memory = undefined;
        if (grant) localStorage.setItem(key, JSON.stringify(grant));
        else localStorage.removeItem(key);
      } catch {
        memory = grant;
      }
    },
    get leaving() {
      try {
        return localStorage.getItem(`${key}.leaving`) !== null;
      } catch {
        return leaving;
      }
    },
    setLeaving(on) {
      leaving = on;
      try {
        if (on) localStorage.setItem(`${key}.leaving`, '1');
        else localStorage.removeItem(`${key}.leaving`);
      } catch {
        // It lasts as long as the page.
      }
    },
    watch(changed) {
      const listener = (e: StorageEvent) => (e.key === key || e.key === null) && changed();
      window.addEventListener('storage', listener);
      return () => window.removeEventListener('storage', listener);
    },
    exclusively(work) {
      if (!('locks' in navigator)) return work();
      let begun = false;
      return navigator.locks.request(key, () => ((begun = true), work())).catch((err: unknown) => {
        if (begun) throw err;
        return work(); // without storage there are no locks, and no other tab shares the session
      });
    },
  };
}
