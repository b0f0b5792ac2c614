/** Less than this is no keyboard but a bar of the browser, px. */
const least = 60;

/**
 * Keeps the page as high as what a keyboard on the screen leaves of it. Other browsers do that by
 * themselves (`interactive-widget=resizes-content`); iOS lays its keyboard over the page, and
 * pushes the page up so that the field is seen and the header is not.
 */
export function followKeyboard(window: Pick<Window, 'visualViewport' | 'innerHeight' | 'scrollTo'>, root: HTMLElement): void {
  const seen = window.visualViewport;
  if (!seen) return;
  const look = () => {
    // Who has zoomed in sees a part, too.
    const covered = seen.scale < 1.01 && window.innerHeight - seen.height > least;
    root.style.setProperty('--page', covered ? `${seen.height}px` : '');
    if (covered && seen.offsetTop > 0) window.scrollTo(0, 0);
  };
  seen.addEventListener('resize', look);
  seen.addEventListener('scroll', look);
}
