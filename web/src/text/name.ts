// Letters of other alphabets that nobody can tell from Latin ones: each is followed by the Latin
// letter that stands for it (libs/names has the same list, and its cases are this one's test).
const lookAlikes = new Map<string, string>(
  [
    'аaеeоoрpсcуyхxѕsіiјjԛqԝwһhԁdӏlкkмmтtвbнhьbгrпnёëїïѵvүyғf',
    'οoνvαaιiρpυuγyκkτtχxηnεeβbϳjωwμmζz',
    'օoսuհhոnցgզqıiɑaɡgɩiʋuɾrʏyᴏo',
  ].flatMap((pairs) => [...pairs.matchAll(/(.)(.)/gu)].map(([, letter, latin]) => [letter!, latin!] as const)),
);

/**
 * Folds case as Unicode does in full (ẞ is ss), in every browser's language alike: by way of
 * capitals, since several small letters share one. A sigma is one, wherever in a word it stands.
 */
const foldCase = (text: string): string => text.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ');

const compatible = (text: string): string => text.normalize('NFKC');

/**
 * What names are compared by: two names with one key are the same name, as the server has it (`Key`
 * in libs/names). It ignores case, full-width and other compatible forms, and how a letter with
 * marks is composed, and takes letters of other alphabets for the Latin ones that they cannot be
 * told from.
 */
export function personKey(name: string): string {
  const folded = compatible(foldCase(compatible(name)));
  return folded.replaceAll(/\P{ASCII}/gu, (c) => lookAlikes.get(c) ?? c).replaceAll('i\u0307', 'i');
}

// Accents and the like, which are marks that belong to no script. The vowel signs and the like of
// Indic scripts, which are letters to those who read them, belong to theirs.
const accents = /(?=\p{M})\p{Script=Inherited}/gu;

/**
 * What a list is filtered by: without case and accents, so that who types `mem` finds Mêmes, and
 * `istan` finds İstanbul.
 */
export function searchKey(text: string): string {
  return foldCase(text.normalize('NFKD')).normalize('NFKD').replaceAll(accents, '').replaceAll('ı', 'i').normalize('NFC');
}
