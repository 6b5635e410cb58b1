import type { State } from "./api.ts";
import { spaced } from "../ui/words.ts";

export const StateBadge = ({ state, reason = null }: { readonly state: State; readonly reason?: string | null }) => (
  <span className="badge" data-state={state}>
    <span className="badge-state">{state}</span>
    {reason && <span className="badge-reason">{spaced(reason)}</span>}
  </span>
);
