import { Empty } from "../parts.tsx";
import type { Shown } from "../view.ts";

/** What others see where everybody's things stand together. */
export const forAdministrators = (title: string): Shown => ({
  title,
  body: (
    <>
      <h1>{title}</h1>
      <Empty>
        This is for administrators, since it shows what belongs to everybody. Your own are under{" "}
        <a href="/monitor/tasks">Tasks</a>.
      </Empty>
    </>
  ),
});
