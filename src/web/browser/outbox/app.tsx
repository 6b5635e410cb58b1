/** Signed out, refused, or at the dashboard. */
import { useCallback, useEffect, useState } from "react";
import { type Api, ApiContext, createApi, type Stats } from "./api.ts";
import { Dashboard } from "./dashboard.tsx";
import { Refused, SignIn } from "./sign-in.tsx";
import { Problem, Session } from "./session.ts";

type Stage =
  | { readonly name: "out"; readonly username: string; readonly note: string | null }
  | { readonly name: "refused"; readonly username: string }
  | { readonly name: "in"; readonly session: Session; readonly api: Api; readonly stats: Stats };

const ENDED = "Your session has ended. Sign in again to go on.";

export function App({ base }: { readonly base: string }) {
  const [stage, setStage] = useState<Stage>({ name: "out", username: "", note: null });

  /** @throws {Problem} {TypeError} when it does not work out. */
  const signIn = useCallback(
    async (username: string, password: string): Promise<void> => {
      const session = await Session.open(base, username, password);
      const leave = (why: "ended" | "forbidden"): void => {
        if (why === "forbidden") session.close();
        setStage(why === "ended" ? { name: "out", username, note: ENDED } : { name: "refused", username });
      };
      const api = createApi(session, leave);
      try {
        const stats = await api.stats();
        setStage({ name: "in", session, api, stats });
      } catch (error) {
        if (!(error instanceof Problem && error.status === 403)) throw error;
      }
    },
    [base],
  );

  const session = stage.name === "in" ? stage.session : null;
  useEffect(() => {
    if (!session) return;
    const leave = (event: PageTransitionEvent): void => {
      if (!event.persisted) session.close();
    };
    addEventListener("pagehide", leave);
    return () => removeEventListener("pagehide", leave);
  }, [session]);

  switch (stage.name) {
    case "out":
      return <SignIn username={stage.username} note={stage.note} signIn={signIn} />;
    case "refused":
      return <Refused username={stage.username} onBack={() => setStage({ name: "out", username: "", note: null })} />;
    case "in":
      return (
        <ApiContext value={stage.api}>
          <Dashboard
            username={stage.session.username}
            first={stage.stats}
            onSignOut={() => {
              stage.session.close();
              setStage({ name: "out", username: "", note: "You are signed out." });
            }}
          />
        </ApiContext>
      );
  }
}
