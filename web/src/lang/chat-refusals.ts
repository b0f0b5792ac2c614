import { isolate } from '../text/bidi.ts';
import { quantity } from '../text/time.svelte.ts';
import { m } from './language.svelte.ts';
import { age, addRefusals, time, type Refusals } from './refusals.ts';

/** The texts that may be of one line, as the server calls them. */
const lines: Readonly<Record<string, string>> = { "room's name": 'name', "room's topic": 'topic', reason: 'reason', note: 'note' };

/** That somebody may not write, until when, and why. */
function muted(until: string | undefined, why: string): string {
  const text = until === undefined ? m.mutedUntilLifted() : m.mutedUntil({ time: time(until) });
  return why ? m.because({ text, why: isolate(why) }) : text;
}

/** What the server refuses people with who are logged in: in rooms, searches and settings. */
export const chatRefusals: Refusals = {
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
  'a message has at most %d bytes of text: shorten it, or send it in parts': (most: number) => m.messageLongError({ most }),
  'there is no such message': () => m.noSuchMessageError(),
  "that is another's message": () => m.othersMessageError(),
  'there is no such message any more': () => m.noSuchMessageError(),
  'there is no such message in that room, and nobody has answered it': () => m.noSuchMessageError(),
  'that message has as many reactions as it can have': () => m.reactionsAllError(),
  'that message has been changed as often as it can be': () => m.changedFullError(),
  'that message has been edited %d times, which is as often as it can be': (count: number) => m.editedFullError({ count }),
  'this room has %d pinned messages, which is as many as it can have: unpin one first': (count: number) => m.pinsFullError({ count }),
  'you can put at most %d reactions on a message: take one back first': (count: number) => m.reactionsFullError({ count }),
  'you have saved %d messages, which is as many as one can: remove one first': (count: number) => m.savedFullError({ count }),
  // Accounts and log-ins.
  'this link does not work any more: choose how often you get mail under Notifications in Settings': () => m.digestLinkError(),
  'this server sends no mail: ask whoever runs it for a link': () => m.noMailError(),
  'you have no such log-in': () => m.noSuchLogInError(),
  'the password was changed a moment ago: try again with that one': () => m.passwordChangedError(),
  'your preferences were changed elsewhere meanwhile: read them again': () => m.preferencesChangedError(),
  'your preferences are too long: they have at most 48 KiB': () => m.preferencesFullError(),
  'you are registered already': () => m.registeredAlreadyError(),
  'you have a role on this server: an operator has to take it away first': () => m.roleOnServerError(),
  // Notifications.
  'a word that counts as a mention has 1 to %d characters': (most: number) => m.notifyWordLongError({ most }),
  'at most %d rooms can have a choice of their own for notifications: remove some': (count: number) => m.notifyRoomsFullError({ count }),
  'at most %d words can count as a mention: leave some out': (count: number) => m.notifyWordsFullError({ count }),
  'this server does not know the time zone %.64q of your quiet hours': (zone: string) => m.quietZoneError({ zone: isolate(zone) }),
  'the push service does not know this device any more: turn notifications off and on again': () => m.deviceForgottenError(),
  'this device gets no notifications: turn them on first': () => m.deviceUntoldError(),
  // What somebody may do in a room.
  'you are muted until that is lifted': () => muted(undefined, ''),
  'you are muted until that is lifted: %s': (why: string) => muted(undefined, why),
  'you are muted until %s: %s': (until: string, why: string) => muted(until, why),
  'you are muted until %s': (until: string) => muted(until, ''),
  'only an owner may give roles': () => m.mayNotAppointError(),
  'only an owner may archive the room, or restore it': () => m.mayNotArchiveError(),
  'only moderators and owners may ban others, who are not above them': () => m.mayNotBanError(),
  'only an owner may change the room': () => m.mayNotChangeRoomError(),
  'only moderators and owners may reset the room': () => m.mayNotClearError(),
  'only an owner may delete the room': () => m.mayNotDeleteRoomError(),
  'you may not become a member of this room': () => m.mayNotEnterError(),
  'only an owner may take a copy of the room': () => m.mayNotExportError(),
  'only members may bring others in': () => m.mayNotInviteError(),
  'you may not leave this room': () => m.mayNotLeaveError(),
  'only moderators and owners may do that': () => m.mayNotListBansError(),
  'only members may see who is in the room': () => m.mayNotListMembersError(),
  'only moderators and owners may mute others, who are not above them': () => m.mayNotMuteError(),
  'only a moderator may pin here': () => m.mayNotPinError(),
  'only moderators and owners may delete the messages of others, who are not above them': () => m.mayNotPurgeError(),
  'you may not read that room': () => m.mayNotReadError(),
  'only moderators and owners may remove members, who are not above them': () => m.mayNotRemoveError(),
  'only members may report what is said here': () => m.mayNotReportError(),
  'only moderators and owners may make a member a reader, or a reader a member': () => m.mayNotRestrictError(),
  'only an owner may change how long messages are kept': () => m.mayNotRetainError(),
  'only moderators and owners may see reports': () => m.mayNotReviewError(),
  'only moderators and owners may set the slow mode': () => m.mayNotSlowError(),
  'you may not write in this room': () => m.mayNotWriteError(),
  'nobody can leave this room: it is for everybody': () => m.nobodyLeavesError(),
  'you are a reader of this room: a moderator or an owner can let you write': () => m.readerError(),
  'this room is archived: it can be read only': () => m.roomArchivedError(),
  // Guests.
  'you are a guest yourself: register first': () => m.guestYourselfError(),
  'guests may not do that here: register first': () => m.guestsMayNotError(),
  'this room admits no guests: register first': () => m.roomNoGuestsError(),
  // Other people in a room, and their invitations, requests and reports.
  'that user is banned from the room': () => m.bannedFromRoomError(),
  'that member has just left': () => m.memberLeftError(),
  'there is no such invitation': () => m.noSuchInvitationError(),
  'there is no such report, or it is not yours to see': () => m.noSuchReportError(),
  'there is no such request': () => m.noSuchRequestError(),
  'the room needs an owner: make somebody else one first': () => m.ownerNeededError(),
  'the text is too long: it may have 512 characters': () => m.reportLongError(),
  'you have reported that message already': () => m.reportedAlreadyError(),
  'too many of your reports are still open: wait until some are resolved': () => m.reportsOpenError(),
  'this person has too many invitations to answer': () => m.takesNoInvitationsError(),
  'this person takes no messages from you': () => m.takesNoMessagesError(),
  'you block this person: unblock them first': () => m.unblockThemError(),
  'this person does not want to be added or invited by you': () => m.wantsNoInvitationError(),
  "that is not the room's name: type it exactly, to confirm which room you empty": () => m.wrongEmptiedNameError(),
  // Connections.
  'this connection is in as many rooms as it may': () => m.connectionRoomsError(),
  'you have as many connections as one may: close another window or device first': () => m.connectionsFullError(),
  'the room was left meanwhile': () => m.roomLeftError(),
  'join the room first': () => m.roomNotJoinedError(),
  'you have sent as much as you may in a day': () => m.sentFullError(),
  'too many messages wait to be acknowledged': () => m.sentWaitingError(),
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

addRefusals(chatRefusals);
