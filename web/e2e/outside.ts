import type { Person } from './browser.ts';

/** Elements beyond the window, or that make something scroll sideways that should not. */
export function outside(p: Person): Promise<string[]> {
  return p.page.evaluate(() => {
    const tell = (e: Element) => `${e.tagName}.${e.className.toString()} ${(e.getAttribute('aria-label') ?? e.textContent).slice(0, 30)}`;
    const faults: string[] = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth) faults.push(`the page: ${root.scrollWidth} > ${root.clientWidth}`);
    for (const e of document.body.querySelectorAll('*')) {
      if (!e.checkVisibility() || e.closest('.hidden-text')) continue;
      const style = getComputedStyle(e);
      // Elements that may scroll sideways have a style that says so.
      const sideways = ['table', 'bar', 'tabs'].some((c) => e.classList.contains(c));
      if (e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes(style.overflowX) && !sideways && e.tagName !== 'TEXTAREA') faults.push(`scrolls: ${tell(e)} ${e.scrollWidth} > ${e.clientWidth}`);
      const r = e.getBoundingClientRect();
      if (!r.width || (r.right <= innerWidth + 1 && r.left >= -1)) continue;
      let cut = false;
      for (let a = e.parentElement; a && a !== document.body && a.id !== 'app'; a = a.parentElement) if (!['visible', 'clip'].includes(getComputedStyle(a).overflowX)) cut = true;
      if (!cut) faults.push(`outside: ${tell(e)} ${r.left} to ${r.right}`);
    }
    return faults;
  });
}
