/** The words of the page, in the language of its document. */
import type { ReactNode } from "react";
import type { ImportReason } from "../../../accounts/import-problems.ts";
import type { AccountState, MessageState } from "../../../db/states.ts";
import type { SignInWords } from "../ui/sign-in.tsx";
import { Problem } from "../ui/session.ts";
import { wordsOf as englishWordsOf } from "../ui/words.ts";
import { ptBR } from "./words.pt-BR.tsx";

export const en = {
  locale: "en-GB",
  title: "People",
  lead: "Log in as a superuser to find and administer accounts.",
  usernameOrEmail: "Username or email address",
  password: "Password",
  signIn: "Log in",
  signingIn: "Logging in…",
  memory:
    "Your login is kept in memory only, while this page is open. If you reload the page, you have to log in again.",
  ended: "Your session has ended. Log in again to continue.",
  signedOut: "You are logged out.",
  refusedTitle: "This page is for superusers",
  refused: (username: string): ReactNode => (
    <>
      <strong>{username}</strong> has been logged out: this account may not administer others. If you need access, ask a
      superuser.
    </>
  ),
  signInAgain: "Log in as someone else",
  signedInAs: (username: string) => `Logged in as ${username}`,
  signOut: "Log out",

  add: "Add a person",
  importFile: "Import a file",
  search: "Search",
  searchHint: "Part of a name or address",
  state: "State",
  anyState: "Any state",
  dept: "Department",
  deptHint: "The full name",
  clear: "Clear filters",
  apply: "Search",
  listTitle: "Accounts",
  loading: "Loading…",
  noMatch: "No account matches.",
  emailsTo: (address: string) => `Emails to ${address}`,
  emailsToHint:
    "This address has no account. These emails were sent to it, for a registration or for an account that no longer exists:",
  noEmailsTo: "No email was sent to this address either.",
  name: "Name",
  email: "Email address",
  lastLogin: "Last login",
  never: "never",
  pages: "Pages of accounts",
  previous: "Previous",
  next: "Next",
  page: (n: number, last: boolean) => `Page ${n}${last ? ", the last" : ""}`,
  superuser: "superuser",
  states: {
    active: "active",
    unverified: "unverified",
    invited: "invited",
    disabled: "disabled",
    frozen: "frozen",
  } satisfies Record<AccountState, string> as Record<AccountState, string>,
  stateMeans: {
    active: "This account can log in, and its address is confirmed.",
    unverified: "This account can log in. No link that was sent to its address has been used yet.",
    invited: "This account was invited, and its owner has not chosen a password yet.",
    disabled: "This account was disabled: it cannot log in and gets no email.",
    frozen:
      "The owner froze this account, because someone else was changing its address. Find out whose account it is before you enable it.",
  } as Record<AccountState, string>,

  close: "Close",
  cancel: "Cancel",
  view: "What to show",
  tabs: { account: "Account", emails: "Emails", sessions: "Sessions", history: "History" },
  notFound: "This account does not exist, or it has been deleted.",
  username: "Username",
  language: "Language of emails",
  browserLanguage: "the browser’s language",
  languages: { en: "English", "pt-BR": "Portuguese (Brazil)" },
  created: "Created",
  confirmed: "confirmed",
  notConfirmed: "not confirmed",
  noEmails: "No email was sent to this account within the time that messages are kept.",
  noSessions: "This account is not logged in on any device.",
  session: "Device",
  lastUsed: "Last used",
  loggedIn: "Logged in",
  unknownDevice: "unknown browser",
  from: "from",
  noHistory: "Nothing has been recorded about this account.",
  what: "What",
  by: "By",
  when: "When",
  itself: "the owner",
  noActor: "—",

  invite: "Send the invitation again",
  reset: "Send a password reset",
  changeAddress: "Change address",
  endSessions: "End sessions",
  makeSuperuser: "Make a superuser",
  removeSuperuser: "Remove as superuser",
  disable: "Disable",
  enable: "Enable",
  remove: "Delete",
  invited: "A new invitation is on its way.",
  resetSent: "A password reset is on its way, if the limit for this address allows it.",
  addressChanged: (email: string) => `The address is now ${email}. Both addresses are notified.`,
  sessionsEnded: "All sessions of the account have ended.",
  superuserMade: "The account is a superuser now. All superusers are notified.",
  superuserRemoved: "The account is no longer a superuser. All superusers are notified.",
  disabledNow: "The account is disabled.",
  enabledNow: "The account is enabled.",
  deletedNow: "The account is deleted.",
  keep: "Keep it as it is",
  ask: {
    changeAddress: {
      title: "Change the address",
      text: "The account moves to the new address at once. Its sessions and links end, and both addresses are notified. The new address gets a confirmation link, or the invitation.",
      action: "Change address",
    },
    endSessions: {
      title: "End all sessions?",
      text: "This person is logged out on all devices at once. The password stays.",
      action: "End all sessions",
    },
    makeSuperuser: {
      title: "Make this account a superuser?",
      text: "It can then administer every account and all email. The account and all superusers are notified.",
      action: "Make a superuser",
    },
    removeSuperuser: {
      title: "Remove this superuser?",
      text: "The account stays, but can no longer administer others. The account and all superusers are notified.",
      action: "Remove as superuser",
    },
    disable: {
      title: "Disable this account?",
      text: "Its sessions and links end at once. It cannot log in and gets no email until you enable it again.",
      action: "Disable the account",
    },
    enable: {
      title: "Enable this account?",
      text: "It can log in again with its password.",
      frozen:
        "The freeze removed its password. After you enable the account, its owner chooses a new one with a password reset. Enter the owner’s address if it was changed.",
      action: "Enable the account",
    },
    remove: {
      title: "Delete this account?",
      text: "Its sessions and links end, and its data is removed. The history of its emails and the audit log are kept for their configured time. This cannot be undone.",
      action: "Delete the account",
    },
  },
  newEmail: "New email address",
  newEmailOptional: "New email address, if it was changed",
  yourPassword: "Your own password",
  yourPasswordHint: "To confirm that it is you.",

  addTitle: "Add a person",
  addAction: "Add",
  optional: "(optional)",
  usernameHint: "By default it is made from the name.",
  byDefault: "Default",
  asSuperuser: "Superuser",
  asSuperuserHint: "Can administer every account. All superusers are notified.",
  howTo: "How the person gets access",
  byInvitation: "Send an invitation",
  byInvitationHint: "An email with a link for choosing a password.",
  byPassword: "Set a password now",
  byPasswordHint: "The person gets a welcome email without a link. Hand over the password yourself.",
  added: (name: string) => `${name} was added.`,

  importTitle: "Import a file",
  importLead:
    "A CSV file with the columns name, email and dept, and optionally username, locale and password_hash. You first see what will happen; nothing changes before you confirm.",
  file: "CSV file",
  inviteAll: "Invite everyone by email",
  inviteAllHint: "Each new account without a password gets a link for choosing one.",
  looking: "Reading the file…",
  tooLarge: "The file is larger than 2 MB. Split it, or use the command line: bun run dundie import-users.",
  notUtf8: "The file is not UTF-8. Save it as UTF-8, in Excel as “CSV UTF-8”.",
  counts: {
    all: (n: string) => `All ${n}`,
    created: (n: string) => `${n} to create`,
    skipped: (n: string) => `${n} to skip`,
    refused: (n: string) => `${n} with problems`,
  },
  rowsTitle: "Rows of the file",
  line: "Line",
  outcome: "What will happen",
  willCreate: (username: string) => `Creates ${username}`,
  willSkip: "Skipped: this address already has an account, or is in the file twice",
  /** Where there is no entry, the words of the server stand. */
  refusals: {} as Partial<Record<ImportReason, string>>,
  more: (n: string) => `Show ${n} more`,
  ignored: (columns: string) => `These columns are ignored: ${columns}.`,
  makesSuperusers: "This file creates superusers.",
  importAction: (n: string) => (n === "1" ? "Create 1 account" : `Create ${n} accounts`),
  importing: "Creating accounts…",
  importDone: (created: string, skipped: string, refused: string) =>
    `${created} created, ${skipped} skipped, ${refused} not imported because of problems.`,
  importStopped: (n: string) =>
    `Accounts created before the import stopped: ${n}. Import the same file again to continue: they are skipped.`,
  another: "Choose another file",
  nothingToCreate: "No row of this file creates an account.",

  emailState: {
    queued: "waiting",
    sending: "being sent",
    sent: "sent",
    failed: "failed",
    dropped: "not sent",
  } as Record<MessageState, string>,
  kinds: {
    password_reset: "Password reset",
    password_changed: "Password changed",
    invitation: "Invitation",
    welcome: "Welcome",
    registration: "Registration",
    email_verification: "Confirm the address",
    email_change_confirmation: "Confirm a new address",
    email_change_notice: "The address is about to change",
    email_changed: "The address was changed",
    superuser_changed: "The superusers have changed",
    registration_duplicate: "Registered again",
  } as Record<string, string>,
  reasons: {
    rejected: "the mail server refused it",
    expired: "it was not sent in time",
    unconfirmed: "it may have arrived",
    render_error: "it could not be rendered",
    key_retired: "the key of its link is no longer configured",
    crashed: "two couriers stopped while sending it",
    unrecordable: "its outcome could not be stored",
    no_account: "there is no account",
    account_disabled: "the account is disabled",
    superseded: "a newer one replaced it",
    rate_limited: "the limit was reached",
    suppressed: "the address is suppressed",
    revoked: "its link would not have worked any more",
    cancelled: "an operator cancelled it",
  } as Record<string, string>,
  events: {
    requested: "Requested",
    committed: "Accepted",
    sent: "Accepted by the mail server",
    failed: "Failed",
    dropped: "Not sent",
    link_used: "The link was used",
    link_revoked: "The link was revoked",
  } as Record<string, string>,
  attempt: (n: number, outcome: string) => `Attempt ${n}: ${outcome}`,
  outcomes: {
    sent: "sent",
    deferred: "the mail server asked to try later",
    rejected: "refused",
    unknown: "outcome unknown",
    transport_down: "the mail server cannot be reached",
    render_error: "could not be rendered",
    released: "put back in the queue",
  } as Record<string, string>,
  underWay: "under way",
  nextAttempt: (at: string) => `Next attempt at ${at}`,
  actions: {
    login: "Logged in",
    login_refused: "Login refused",
    refresh_reused: "A copied token was used: the session ended",
    logout: "Logged out",
    session_ended: "A session ended",
    sessions_ended: "All sessions ended",
    registered: "Registered",
    registration_duplicate: "Registered again with this address",
    user_created: "Account created",
    user_changed: "Profile changed",
    superuser_changed: "Superuser changed",
    invitation_resent: "Invitation sent again",
    user_disabled: "Account disabled",
    user_enabled: "Account enabled",
    user_deleted: "Account deleted",
    email_verified: "Address confirmed",
    email_change_requested: "Change of address requested",
    email_changed: "Address changed",
    account_frozen: "Account frozen by its owner",
    password_changed: "Password changed",
    password_reset: "Password set with a link",
  } as Record<string, string>,
  problems: {} as Record<string, string>,
  noAnswer: "The server does not answer. Check your connection and try again.",
  tookTooLong: "The server took too long to answer. Try again in a moment.",
};

export type Words = typeof en;

/** Of the document: the server has chosen the language by the browser's. */
export const w: Words = document.documentElement.lang === "pt-BR" ? ptBR : en;

/** What went wrong with a call. What has no words in this language has the server's. */
export function wordsOf(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return w.tookTooLong;
  if (error instanceof TypeError) return w.noAnswer;
  const known = error instanceof Problem && error.type !== null ? w.problems[error.type] : undefined;
  return known ?? englishWordsOf(error);
}

export const SIGN_IN_WORDS: SignInWords = {
  title: w.title,
  lead: w.lead,
  username: w.usernameOrEmail,
  password: w.password,
  signIn: w.signIn,
  busy: w.signingIn,
  memory: w.memory,
  ended: w.ended,
  signedOut: w.signedOut,
  refusedTitle: w.refusedTitle,
  refused: w.refused,
  again: w.signInAgain,
  wordsOf,
};

const whole = new Intl.NumberFormat(w.locale);
export const count = (n: number): string => whole.format(n);

const day = new Intl.DateTimeFormat(w.locale, { day: "numeric", month: "short", year: "numeric" });
const time = new Intl.DateTimeFormat(w.locale, { hour: "2-digit", minute: "2-digit" });

/** "12:03" today, "4 May 2026, 12:03" on another day; in this machine's zone. */
export function moment(iso: string): string {
  const at = new Date(iso);
  const clock = time.format(at);
  return at.toDateString() === new Date().toDateString() ? clock : `${day.format(at)}, ${clock}`;
}
