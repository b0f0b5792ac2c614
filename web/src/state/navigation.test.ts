import { beforeEach, expect, test, vi } from 'vitest';
import { Navigation, type BrowserWindow } from './navigation.ts';

/** A history as browsers keep it. */
class Browser {
  entries: { state: unknown; hash: string }[] = [{ state: null, hash: '' }];
  at = 0;
  readonly #target = new EventTarget();
  readonly window: BrowserWindow;

  constructor() {
    const now = () => this.entries[this.at]!;
    const move = (by: number) => {
      if (!this.entries[this.at + by]) return;
      this.at += by;
      this.#target.dispatchEvent(new Event('popstate'));
    };
    const put = (entry: { state: unknown; hash: string }, replace: boolean) => {
      this.entries.splice(replace ? this.at : this.at + 1, Infinity, entry);
      this.at = this.entries.length - 1;
    };
    const go = (hash: string, replace: boolean) => {
      put({ state: null, hash }, replace);
      this.#target.dispatchEvent(new Event('popstate'));
    };
    this.window = {
      history: {
        get state() { return now().state; },
        pushState: (state: unknown) => put({ state, hash: now().hash }, false),
        replaceState: (state: unknown) => (this.entries[this.at] = { state, hash: now().hash }),
        back: () => move(-1),
        forward: () => move(1),
      },
      location: {
        get hash() { return now().hash; },
        set hash(hash: string) { go(hash, false); },
        replace: (hash: string) => go(hash, true),
      },
      addEventListener: (type: string, listener: EventListener) => this.#target.addEventListener(type, listener),
      setTimeout: (f: () => void) => setTimeout(f, 0),
    } as unknown as BrowserWindow;
  }
  get places() {
    return this.entries.map((e) => e.hash);
  }
}

let browser: Browser;
let navigation: Navigation;
beforeEach(() => {
  vi.useFakeTimers();
  browser = new Browser();
  navigation = new Navigation(browser.window);
  return () => vi.useRealTimers();
});

/** Opens an overlay that is closed once, in whatever way. */
function overlay() {
  const l = { closed: 0, close: () => undefined as void };
  const done = navigation.openOverlay(() => {
    l.closed++;
    done();
  });
  l.close = done;
  return l;
}

test('back closes the topmost overlay, and then the one below', () => {
  const [panel, dialog] = [overlay(), overlay()];
  browser.window.history.back();
  expect([panel.closed, dialog.closed]).toEqual([0, 1]);
  browser.window.history.back();
  expect([panel.closed, dialog.closed, browser.at]).toEqual([1, 1, 0]);
});

test('forward does not open what was closed, and stays where the user is', () => {
  const dialog = overlay();
  browser.window.history.back();
  browser.window.history.forward();
  expect([dialog.closed, browser.at]).toEqual([1, 0]);
});

test('an overlay that is closed by itself takes its entry with it', () => {
  overlay().close();
  vi.runAllTimers();
  expect(browser.at).toBe(0);
});

test('one that takes the place of another has the entry of that', () => {
  const sheet = overlay();
  sheet.close();
  const dialog = overlay();
  vi.runAllTimers();
  expect([browser.places.length, dialog.closed]).toEqual([2, 0]);
  browser.window.history.back();
  expect([dialog.closed, browser.at]).toEqual([1, 0]);
});

test('going elsewhere from an overlay closes it, and leaves no entry behind', () => {
  const dialog = overlay();
  navigation.go('#/room/a');
  vi.runAllTimers();
  expect([dialog.closed, browser.places]).toEqual([1, ['', '#/room/a']]);
  browser.window.history.back();
  expect(browser.at).toBe(0);
});

test('from a room the way up is back to the list one came from, and else in its place', () => {
  navigation.go('#/room/a');
  navigation.arrived('rooms');
  navigation.up('rooms', '#/');
  expect([browser.at, browser.places]).toEqual([0, ['', '#/room/a']]);
  browser = new Browser();
  browser.entries[0]!.hash = '#/room/a';
  navigation = new Navigation(browser.window);
  navigation.arrived('rooms');
  navigation.up('rooms', '#/');
  expect(browser.places).toEqual(['#/']);
});

test('what is opened while the page is on its way back from another overlay stays', () => {
  const panel = overlay();
  const { history } = browser.window;
  const back = history.back.bind(history);
  history.back = () => void setTimeout(back, 5); // as browsers do it
  panel.close();
  vi.advanceTimersByTime(1);
  const [dialog, gone] = [overlay(), overlay()];
  gone.close();
  vi.runAllTimers();
  expect([dialog.closed, gone.closed, browser.places.length, browser.at]).toEqual([0, 0, 2, 1]);
  back();
  expect([dialog.closed, browser.at]).toEqual([1, 0]);
});

test('forward to what was closed just before goes back one step only', () => {
  navigation.go('#/room/a');
  navigation.arrived('rooms');
  const dialog = overlay();
  const { history } = browser.window;
  const back = history.back.bind(history);
  history.back = () => void setTimeout(back, 5); // as browsers do it
  back();
  history.forward(); // before the page has tidied up after the overlay
  vi.runAllTimers();
  expect([dialog.closed, browser.at, browser.window.location.hash]).toEqual([1, 1, '#/room/a']);
  const next = overlay();
  expect([browser.places.length, browser.at]).toEqual([3, 2]);
  back();
  expect([next.closed, browser.at]).toEqual([1, 1]);
});
