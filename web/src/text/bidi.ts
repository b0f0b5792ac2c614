// Marks that change the direction of what follows them (UAX #9: embeddings, overrides and
// isolates). With one in a text or a name, somebody could turn around the text beside it, or make
// "exe.gpj" of a file. LRM, RLM and ALM only set the direction of neutral characters, and stay.
const reordering = /[\u202A-\u202E\u2066-\u2069]/gu;

// The ranges that Unicode has, and reserves, for scripts that run from right to left.
const rightToLeft = /[\u0590-\u08FF\u200F\uFB1D-\uFDFF\uFE70-\uFEFF\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** Returns a text without the marks that reorder. */
export function withoutBidiControls(text: string): string {
  return text.replace(reordering, '');
}

/** Makes the marks that reorder visible: for code, which they can make look like other code. */
export function withVisibleBidiControls(text: string): string {
  return text.replace(reordering, (c) => `[U+${c.codePointAt(0)!.toString(16).toUpperCase()}]`);
}

/**
 * Isolates a name or a text for the middle of a string, so that it reorders nothing around it (UAX
 * #9: between FSI and PDI). In markup, use <bdi> around what `withoutBidiControls` returns.
 */
export function isolate(text: string): string {
  const plain = withoutBidiControls(text);
  return rightToLeft.test(plain) ? `\u2068${plain}\u2069` : plain;
}
