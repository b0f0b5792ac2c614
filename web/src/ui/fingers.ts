import type { Attachment } from 'svelte/attachments';

/** A finger that rests for so long means more than a touch, ms. */
const rest = 450;
/** It may tremble by so much, px. */
const tremble = 8;
/** From here on it is a swipe, if it goes sideways, px. */
const begin = 14;
/** So far a swipe has to go, px. */
const far = 64;
/** The row follows no further, px. */
const most = 88;
/** This close to the edges the gestures of the system begin, px. */
const edge = 28;

/**
 * What fingers do on an element: `press` when one rests on it, `swipe` when one draws it towards
 * the end of its line and far enough. Scrolling, what scrolls sideways inside, and the gestures of
 * the system at the edges of the screen stay what they are. What may not be swiped has none.
 */
export function fingers(press: () => void, swipe: () => (() => void) | undefined): Attachment<HTMLElement> {
  return (node) => {
    let at: { readonly id: number; readonly x: number; readonly y: number; readonly sideways: boolean } | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let act: (() => void) | undefined;
    let drawn = 0;
    const turned = () => (getComputedStyle(node).direction === 'rtl' ? -1 : 1);

    const end = () => {
      clearTimeout(timer);
      at = act = undefined;
      drawn = 0;
      node.classList.remove('drawn', 'far');
      node.style.translate = '';
    };
    const down = (e: PointerEvent) => {
      end();
      if (e.pointerType !== 'touch' || !e.isPrimary) return;
      if (e.target instanceof Element && e.target.closest('a, input')) return; // those have their own
      at = { id: e.pointerId, x: e.clientX, y: e.clientY, sideways: e.clientX > edge && e.clientX < innerWidth - edge && !scrollsSideways(e.target, node) };
      timer = setTimeout(() => {
        end();
        swallow();
        navigator.vibrate?.(10);
        press();
      }, rest);
    };
    const move = (e: PointerEvent) => {
      if (e.pointerId !== at?.id) return;
      const [x, y] = [(e.clientX - at.x) * turned(), Math.abs(e.clientY - at.y)];
      if (Math.hypot(x, y) > tremble) clearTimeout(timer);
      if (!act) {
        if (y > begin || x < -begin || !at.sideways) return void (Math.hypot(x, y) > begin && end());
        if (x < begin || x < 2 * y) return;
        act = swipe();
        if (!act) return end();
        node.setPointerCapture(e.pointerId);
        node.classList.add('drawn');
      }
      const was = drawn;
      drawn = Math.max(0, Math.min(most, x - begin));
      node.style.translate = `${drawn * turned()}px`;
      node.classList.toggle('far', drawn >= far);
      if (drawn >= far && was < far) navigator.vibrate?.(10);
    };
    const up = (e: PointerEvent) => {
      if (e.pointerId !== at?.id) return;
      const done = drawn >= far ? act : undefined;
      end();
      done?.();
    };
    // The browser's own menu of what is touched for long; of a link it is wanted.
    const menu = (e: Event) => at && e.preventDefault();
    node.addEventListener('pointerdown', down);
    node.addEventListener('pointermove', move);
    node.addEventListener('pointerup', up);
    node.addEventListener('pointercancel', end);
    node.addEventListener('contextmenu', menu);
    return () => {
      end();
      node.removeEventListener('pointerdown', down);
      node.removeEventListener('pointermove', move);
      node.removeEventListener('pointerup', up);
      node.removeEventListener('pointercancel', end);
      node.removeEventListener('contextmenu', menu);
    };
  };
}

/**
 * The click that comes when the finger is lifted is not one of what has appeared under it
 * meanwhile.
 */
function swallow(): void {
  const abort = new AbortController();
  const options = { capture: true, signal: abort.signal };
  window.addEventListener('click', (e) => {
    e.stopPropagation();
    e.preventDefault();
  }, options);
  window.addEventListener('pointerdown', () => abort.abort(), options);
  for (const type of ['pointerup', 'pointercancel']) window.addEventListener(type, () => setTimeout(() => abort.abort(), 50), options);
}

/** Whether something between an element and the one that it is in scrolls sideways. */
function scrollsSideways(from: EventTarget | null, within: HTMLElement): boolean {
  for (let e = from instanceof Element ? from : null; e && e !== within; e = e.parentElement) {
    if (e.scrollWidth > e.clientWidth + 1 && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)) return true;
  }
  return false;
}
