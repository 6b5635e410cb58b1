import { Announcer } from "../ui/announce.tsx";
import { render } from "../ui/root.ts";
import { App } from "./app.tsx";

render(
  <Announcer>
    <App />
  </Announcer>,
);
