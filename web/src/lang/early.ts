// The language is known before the page is here: its messages are on their way meanwhile.
import { load } from './catalogues.ts';
import { best } from './languages.ts';
import { savedLanguage } from './saved.ts';

const choice = savedLanguage();
void load(choice === 'system' ? best(navigator.languages) : choice, 'first').catch(() => undefined);
