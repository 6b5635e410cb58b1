import { Elysia } from "elysia";
import { swagger } from "@elysiajs/swagger";

export const docs = () => new Elysia({ name: "docs" }).use(swagger({ path: "/docs", provider: "swagger-ui" }));
