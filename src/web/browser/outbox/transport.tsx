import { type CourierState, useApi } from "./api.ts";
import { secondsBetween, wait } from "../ui/words.ts";

/** Each courier's breaker, and what the SMTP server said last when it would not take mail. */
export const Transport = ({ couriers }: { readonly couriers: readonly CourierState[] }) => (
  <section className="panel transport" aria-labelledby="transport-title">
    <h2 id="transport-title">Transport</h2>
    {couriers.length === 0 ? (
      <p className="empty">No courier is running.</p>
    ) : (
      <ul className="couriers">
        {couriers.map((courier) => (
          <Courier key={courier.id} courier={courier} />
        ))}
      </ul>
    )}
  </section>
);

function Courier({ courier }: { readonly courier: CourierState }) {
  const api = useApi();
  return (
    <li className="courier" data-breaker={courier.breaker}>
      <p className="courier-state">{stateOf(courier, api.now())}</p>
      <p className="quiet small">
        {courier.host}, pid {courier.pid}
      </p>
      {courier.last_reply && (
        <p className="small">
          <span className="quiet">{courier.breaker === "closed" ? "When it last failed:" : "Last reply:"}</span>{" "}
          <q className="words">{courier.last_reply}</q>
        </p>
      )}
    </li>
  );
}

function stateOf({ breaker, until }: CourierState, now: number): string {
  if (breaker === "closed") return "Breaker closed: sending";
  if (breaker === "probing") return "Breaker open: one message is trying";
  const left = until && wait(secondsBetween(now, until));
  return left ? `Breaker open: next try in ${left}` : "Breaker open: trying with the next message";
}
