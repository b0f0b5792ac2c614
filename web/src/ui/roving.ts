import type { Attachment } from 'svelte/attachments';

/** The focused element of the document or shadow tree that an element is in. */
export function focused(near: Node): Element | null {
  const root = near.getRootNode();
  return root instanceof ShadowRoot ? root.activeElement : document.activeElement;
}

/** The visible focusable descendants of an element. */
export function controls(within: HTMLElement, selector = 'button, a[href]'): HTMLElement[] {
  return [...within.querySelectorAll<HTMLElement>(selector)].filter((e) => e.checkVisibility() && !(e instanceof HTMLButtonElement && e.disabled));
}

/** Where an arrow, Home or End leads from one place of several; undefined: the key is another. */
export function stepped(e: KeyboardEvent, at: number, count: number, turned: boolean): number | undefined {
  const on = turned ? 'ArrowLeft' : 'ArrowRight';
  const off = turned ? 'ArrowRight' : 'ArrowLeft';
  const to = { [on]: at + 1, [off]: at - 1, Home: 0, End: count - 1 }[e.key];
  return to === undefined || !count ? undefined : (to + count) % count;
}

/**
 * A toolbar is one stop of Tab; the arrows go on from there (ARIA Authoring Practices, toolbar).
 */
export const roving: Attachment<HTMLElement> = (bar) => {
  let at: HTMLElement | undefined;
  const settle = () => {
    const all = controls(bar);
    if (!at || !all.includes(at)) at = all[0];
    for (const e of all) e.tabIndex = e === at ? 0 : -1;
  };
  const entered = (e: FocusEvent) => {
    at = (e.target as Element).closest<HTMLElement>('button, a[href]') ?? at;
    settle();
  };
  const keys = (e: KeyboardEvent) => {
    const all = controls(bar);
    const to = stepped(e, all.indexOf(focused(bar) as HTMLElement), all.length, getComputedStyle(bar).direction === 'rtl');
    if (to === undefined) return;
    all[to]?.focus();
    e.preventDefault();
    e.stopPropagation();
  };
  settle();
  const observer = new MutationObserver(settle);
  observer.observe(bar, { childList: true, subtree: true, attributeFilter: ['disabled'] });
  bar.addEventListener('focusin', entered);
  bar.addEventListener('keydown', keys);
  return () => {
    observer.disconnect();
    bar.removeEventListener('focusin', entered);
    bar.removeEventListener('keydown', keys);
  };
};
