import type { Client } from "../ui/client.ts";
import { OutboxMark } from "../ui/icons.tsx";
import { SignedIn } from "../ui/signed-in.tsx";
import type { SignInWords } from "../ui/sign-in.tsx";
import { wordsOf } from "../ui/words.ts";
import { ApiContext, createApi } from "./api.ts";
import { Dashboard } from "./dashboard.tsx";

const WORDS: SignInWords = {
  title: "Outbox",
  lead: "Log in as a superuser to see every message and what happened to it.",
  username: "Username or email address",
  password: "Password",
  signIn: "Log in",
  busy: "Logging in…",
  memory:
    "Your login is kept in memory only, while this page is open. If you reload the page, you have to log in again.",
  ended: "Your session has ended. Log in again to continue.",
  signedOut: "You are logged out.",
  refusedTitle: "The outbox is for superusers",
  refused: (username) => (
    <>
      <strong>{username}</strong> has been logged out: this account may not see other people’s emails. Your own are at{" "}
      <code>GET /user/me/message/</code>. If you need access, ask a superuser to make your account one.
    </>
  ),
  again: "Log in as someone else",
  wordsOf,
};

const open = async (client: Client) => {
  const api = createApi(client);
  return { api, stats: await api.stats() };
};

export const App = ({ base }: { readonly base: string }) => (
  <SignedIn base={base} current="outbox" mark={<OutboxMark />} words={WORDS} open={open}>
    {({ api, stats }, username, signOut) => (
      <ApiContext value={api}>
        <Dashboard username={username} first={stats} onSignOut={signOut} />
      </ApiContext>
    )}
  </SignedIn>
);
