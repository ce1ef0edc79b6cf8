/** Signing in: with the monitor's user and password, or with a token. */
import { Page } from "../page.tsx";

/** `to` is where somebody wanted to go; `reason` why they are asked again. */
export const Login = ({ to, reason }: { to: string; reason: string | null }) => (
  <Page title="Sign in" path="/monitor/login" caller={null} live={false}>
    <h1>Sign in</h1>
    {reason !== null && (
      <p class="alert" role="alert">
        {reason}
      </p>
    )}
    <form class="fields" method="post" action="/monitor/login">
      <input type="hidden" name="to" value={to} />
      <fieldset>
        <legend>With user and password</legend>
        <label>
          User <input name="user" autocomplete="username" />
        </label>
        <label>
          Password <input name="password" type="password" autocomplete="current-password" />
        </label>
      </fieldset>
      <fieldset>
        <legend>Or with your token</legend>
        <label>
          Token <input name="token" type="password" autocomplete="off" />
        </label>
      </fieldset>
      <button type="submit">Sign in</button>
    </form>
  </Page>
);
