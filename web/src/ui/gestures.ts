import type { Attachment } from 'svelte/attachments';

/** The duration of a long press, ms. */
const pressTime = 450;
/** The movement that a long press tolerates, px. */
const pressTolerance = 8;
/** The sideways movement at which a swipe begins, px. */
const swipeStart = 14;
/** The movement that completes a swipe, px. */
const swipeDistance = 64;
/** The furthest that the row follows the finger, px. */
const maxOffset = 88;
/** The width of the edges that belong to the gestures of the system, px. */
const systemEdge = 28;

/**
 * Recognises gestures on an element: `press` is a long press, `swipe` a swipe towards the end of
 * the line. Scrolling, sideways scrolling inside the element and the gestures of the system at the
 * edges of the screen keep working. Without `swipe` there is only the long press.
 */
export function gestures(press: () => void, swipe: () => (() => void) | undefined): Attachment<HTMLElement> {
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
      if (e.target instanceof Element && e.target.closest('a, input')) return; // those handle a press themselves
      at = { id: e.pointerId, x: e.clientX, y: e.clientY, sideways: e.clientX > systemEdge && e.clientX < innerWidth - systemEdge && !scrollsSideways(e.target, node) };
      timer = setTimeout(() => {
        end();
        swallow();
        navigator.vibrate?.(10);
        press();
      }, pressTime);
    };
    const move = (e: PointerEvent) => {
      if (e.pointerId !== at?.id) return;
      const [x, y] = [(e.clientX - at.x) * turned(), Math.abs(e.clientY - at.y)];
      if (Math.hypot(x, y) > pressTolerance) clearTimeout(timer);
      if (!act) {
        if (y > swipeStart || x < -swipeStart || !at.sideways) return void (Math.hypot(x, y) > swipeStart && end());
        if (x < swipeStart || x < 2 * y) return;
        act = swipe();
        if (!act) return end();
        node.setPointerCapture(e.pointerId);
        node.classList.add('drawn');
      }
      const was = drawn;
      drawn = Math.max(0, Math.min(maxOffset, x - swipeStart));
      node.style.translate = `${drawn * turned()}px`;
      node.classList.toggle('far', drawn >= swipeDistance);
      if (drawn >= swipeDistance && was < swipeDistance) navigator.vibrate?.(10);
    };
    const up = (e: PointerEvent) => {
      if (e.pointerId !== at?.id) return;
      const done = drawn >= swipeDistance ? act : undefined;
      end();
      done?.();
    };
    // Suppresses the browser's menu of a long press, except on links.
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
 * Swallows the click that follows a long press: it would hit what has appeared under the finger.
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
