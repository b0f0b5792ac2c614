// Letters of other alphabets that nobody can tell from Latin ones, each followed by the Latin
// letter that stands for it. libs/names has the same list, and its cases are the test of this one.
const lookAlikes = new Map<string, string>(
  [
    'аaеeоoрpсcуyхxѕsіiјjԛqԝwһhԁdӏlкkмmтtвbнhьbгrпnёëїïѵvүyғf',
    'οoνvαaιiρpυuγyκkτtχxηnεeβbϳjωwμmζz',
    'օoսuհhոnցgզqıiɑaɡgɩiʋuɾrʏyᴏo',
  ].flatMap((pairs) => [...pairs.matchAll(/(.)(.)/gu)].map(([, letter, latin]) => [letter!, latin!] as const)),
);

/**
 * Folds case as Unicode does in full (ẞ is ss), independent of the browser's language: by way of
 * capitals, since several small letters share one. A sigma is the same wherever it stands in a
 * word.
 */
const foldCase = (text: string): string => text.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ');

const compatible = (text: string): string => text.normalize('NFKC');

/**
 * The key by which names are compared: two names with the same key are the same name, as on the
 * server (`Key` in libs/names). It ignores case, full-width and other compatible forms, and how a
 * letter with marks is composed, and replaces letters of other alphabets by the Latin ones that
 * they cannot be told from.
 */
export function personKey(name: string): string {
  const folded = compatible(foldCase(compatible(name)));
  return folded.replaceAll(/\P{ASCII}/gu, (c) => lookAlikes.get(c) ?? c).replaceAll('i\u0307', 'i');
}

// Accents and other marks that belong to no script. The vowel signs of Indic scripts, which are
// letters to their readers, belong to theirs.
const accents = /(?=\p{M})\p{Script=Inherited}/gu;

/**
 * The key by which a list is filtered: without case and accents, so that `mem` finds Mêmes, and
 * `istan` finds İstanbul.
 */
export function searchKey(text: string): string {
  return foldCase(text.normalize('NFKD')).normalize('NFKD').replaceAll(accents, '').replaceAll('ı', 'i').normalize('NFC');
}
