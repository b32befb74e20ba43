import { Bullseye, Spinner } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import { ApiError, api } from "./api/client.ts";
import { BackupsPage } from "./backups/backups-page.tsx";
import { BrowsePage } from "./browse/browse-page.tsx";
import { Failure } from "./failure.tsx";
import { Frame } from "./frame.tsx";
import { browsedPath, usePathname } from "./location.ts";
import { LoginScreen } from "./session/login-screen.tsx";

export function App() {
  const pathname = usePathname();
  const session = useQuery({ queryKey: ["session"], queryFn: api.session });

  if (session.error instanceof ApiError && session.error.status === 401) return <LoginScreen />;
  if (session.error !== null) return <Failure title="The server does not answer" error={session.error} />;
  if (session.data === undefined) {
    return (
      <Bullseye>
        <Spinner aria-label="Loading" />
      </Bullseye>
    );
  }

  const path = browsedPath(pathname);
  return (
    <Frame session={session.data}>{path === undefined ? <BackupsPage /> : <BrowsePage key={path} path={path} />}</Frame>
  );
}
