import type { Client } from "../ui/client.ts";
import { PeopleMark } from "../ui/icons.tsx";
import { SignedIn } from "../ui/signed-in.tsx";
import { ApiContext, createApi } from "./api.ts";
import { Directory } from "./directory.tsx";
import { SIGN_IN_WORDS } from "./words.tsx";

const open = async (client: Client) => {
  const api = createApi(client);
  // An empty search is for superusers alone, so that everyone else is refused here.
  return { api, first: await api.people({ search: "", state: "", dept: "" }, null) };
};

export const App = ({ base }: { readonly base: string }) => (
  <SignedIn base={base} current="people" mark={<PeopleMark />} words={SIGN_IN_WORDS} open={open}>
    {({ api, first }, username, signOut) => (
      <ApiContext value={api}>
        <Directory username={username} first={first} onSignOut={signOut} />
      </ApiContext>
    )}
  </SignedIn>
);
