/** Light or dark, remembered in a cookie so that the server writes it into the page. */
const YEAR = 60 * 60 * 24 * 365;

function current(): "light" | "dark" {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function toggleTheme(): void {
  const next = current() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  document.cookie = `theme=${next}; path=/; max-age=${YEAR}; samesite=lax`;
}

export function watchTheme(): void {
  for (const button of document.querySelectorAll("[data-toggle-theme]")) {
    button.addEventListener("click", toggleTheme);
  }
}
