import { isolate } from '../text/bidi.ts';
import { quantity } from '../text/time.svelte.ts';
import { m } from './language.svelte.ts';
import { age, alsoSaid, type Sentences } from './said.ts';

/** The texts that may be of one line, as the server calls them. */
const lines: Readonly<Record<string, string>> = { "room's name": 'name', "room's topic": 'topic', reason: 'reason', note: 'note' };

/** What the server says to whoever registers, searches, or is in rooms. */
export const inside: Sentences = {
  // Names, passwords and addresses.
  'a guest can make at most %d public rooms: register, or make it private': (count: number) => m.guestRoomsFullError({ count }),
  'a name has 1 to %d letters, digits, dots, dashes and underscores, and begins with a letter or digit': (most: number) => m.nameFormError({ most }),
  'a name has at most %d marks on a letter, and none of them twice': (most: number) => m.nameMarksError({ most }),
  'a name has digits of one kind: this one mixes them': () => m.nameDigitsError(),
  'a name is written in one alphabet of everyday use: this one mixes alphabets, or has letters of a rare one': () => m.nameScriptError(),
  'a password has at least %d characters and at most %d bytes': (least: number, most: number) => m.passwordLengthError({ least, most }),
  'a password that is made of the name is easy to guess: choose another': () => m.passwordOfNameError(),
  'that is not a mail address such as ann@example.org': () => m.notAnAddressError(),
  'that password is one of those that attackers try first: choose another, best three words that do not belong together': () => m.passwordCommonError(),
  // Rooms and people.
  '%d of your invitations have not been accepted: wait for answers': (count: number) => m.invitationsOpenError({ count }),
  'a %s is one line of %d to %d printable characters': (text: string, least: number, most: number) => (Object.hasOwn(lines, text) ? m.lineError({ what: lines[text]!, least, most }) : undefined),
  'a group has at most %d people: make a room for more': (count: number) => m.groupFullError({ count }),
  'a user can be in at most %d rooms: leave one first': (count: number) => m.roomsFullError({ count }),
  'there is a public room %q already, which looks the same: choose another name, such as %q': (name: string, other: string) => m.roomAlikeError({ name: isolate(name), other: isolate(other) }),
  'this room is in slow mode: one message every %d s': (seconds: number) => m.slowModeError({ time: quantity(seconds, 'second') }),
  'whoever runs this server wants messages to be kept for %s at least': (least: string) => m.keptLeastError({ time: age(least) }),
  'whoever runs this server wants messages to be kept for %s at most': (most: string) => m.keptMostError({ time: age(most) }),
  'you block %s: unblock them first': (name: string) => m.unblockFirstError({ name: isolate(name) }),
  'you can block at most %d people: unblock somebody first': (count: number) => m.blocksFullError({ count }),
  'you can send at most %d messages until your request is accepted': (count: number) => m.requestMessagesError({ count }),
  // Messages.
  'that message has as many reactions as it can have': () => m.reactionsAllError(),
  'that message has been changed as often as it can be': () => m.changedFullError(),
  'that message has been edited %d times, which is as often as it can be': (count: number) => m.editedFullError({ count }),
  'this room has %d pinned messages, which is as many as it can have: unpin one first': (count: number) => m.pinsFullError({ count }),
  'you can put at most %d reactions on a message: take one back first': (count: number) => m.reactionsFullError({ count }),
  'you have saved %d messages, which is as many as one can: remove one first': (count: number) => m.savedFullError({ count }),
  // The search. Filters are typed in English in all languages.
  '%s: is one of %s': (filter: string, values: string) => m.filterOneOfError({ filter, values }),
  '%s: wants something behind it, as in %s': (filter: string, example: string) => m.filterEmptyError({ filter, example }),
  '%s:%.40s is no date; one is like %s, 2026-11, 2026, today or yesterday': (filter: string, date: string, example: string) => m.dateError({ filter, date: isolate(date), example }),
  '%s:%s is before 1970, when nothing could be sent yet': (filter: string, date: string) => m.dateEarlyError({ filter, date }),
  '-%s: is no filter; only -from: -has: and -is: leave something out': (filter: string) => m.filterNotError({ filter }),
  'a search has at most %d characters': (most: number) => m.searchLongError({ most }),
  'a search has at most %d words': (most: number) => m.searchWordsError({ most }),
  'a search has at most %d words, phrases and filters': (most: number) => m.searchItemsError({ most }),
  'in: names another room than the one that is searched': () => m.otherRoomError(),
  'no time is after: the one and before: the other: exchange them': () => m.searchNoTimeError(),
  'nobody here is called %q': (name: string) => m.nobodyCalledError({ name: isolate(name) }),
  'say also what is to be found, and not only what is not': () => m.searchOnlyNotError(),
  'say what is to be found: a word, a "phrase", or a filter like from: or has:link': () => m.searchNothingError(),
  'there is no filter %s: the filters are %s. To look for the text itself, put it between quotation marks': (filter: string, filters: string) => m.filterUnknownError({ filter, filters }),
  'there is no room called %q': (name: string) => m.noRoomCalledError({ name: isolate(name) }),
  'this server has its search switched off': () => m.searchOffError(),
};

alsoSaid(inside);
