import type { MessageState } from "../../../db/states.ts";
import { spaced } from "../ui/words.ts";

export const StateBadge = ({
  state,
  reason = null,
}: {
  readonly state: MessageState;
  readonly reason?: string | null;
}) => (
  <span className="badge" data-state={state}>
    <span className="badge-state">{state}</span>
    {reason && <span className="badge-reason">{spaced(reason)}</span>}
  </span>
);
