const DARK_CLASS = "pf-v6-theme-dark";

/** PatternFly switches themes by a class; the person's system decides, now and when it changes. */
export function followColourScheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    document.documentElement.classList.toggle(DARK_CLASS, dark.matches);
  };
  dark.addEventListener("change", apply);
  apply();
}
