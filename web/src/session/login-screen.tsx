import { LoginForm, LoginPage } from "@patternfly/react-core";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../api/client.ts";

export function LoginScreen() {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const queries = useQueryClient();
  const login = useMutation({
    mutationFn: () => api.login(user, password),
    onSuccess: () => queries.resetQueries(),
  });
  return (
    <LoginPage
      loginTitle="Files from VM backups"
      loginSubtitle="User and password are printed where vmfr was started, or kept in the restore's Secret."
      brandImgSrc="/favicon.svg"
      brandImgAlt="vmfr"
      textContent="Browse, preview and download single files from the backups of a virtual machine. Nothing is restored, nothing can be changed."
    >
      <h1 className="pf-v6-screen-reader">Log in to vmfr</h1>
      <LoginForm
        showHelperText={login.isError}
        helperText={login.error?.message}
        helperTextIcon={<ExclamationCircleIcon />}
        usernameLabel="User"
        usernameValue={user}
        onChangeUsername={(_event, value) => setUser(value)}
        passwordLabel="Password"
        passwordValue={password}
        onChangePassword={(_event, value) => setPassword(value)}
        isShowPasswordEnabled
        loginButtonLabel="Log in"
        isLoginButtonDisabled={login.isPending || user === "" || password === ""}
        onLoginButtonClick={(event) => {
          event.preventDefault();
          login.mutate();
        }}
      />
    </LoginPage>
  );
}
