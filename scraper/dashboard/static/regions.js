// Parts of the page that the server sends anew whenever they change. They are its own HTML, escaped there.
const policy = window.trustedTypes?.createPolicy("regions", { createHTML: (html) => html });

const mark = (element) => element?.id || element?.getAttribute?.("href");

const replace = (region, html) => {
  const focused = region.contains(document.activeElement) ? mark(document.activeElement) : null;
  const { scrollLeft, scrollTop } = region;
  region.innerHTML = policy ? policy.createHTML(html) : html;
  region.scrollTo(scrollLeft, scrollTop);
  if (!focused) return;
  // Who is there with the keyboard stays there, or at least in the same part.
  const same = [...region.querySelectorAll("[id], a[href]")].find((element) => mark(element) === focused);
  (same ?? region.querySelector("button, a[href]"))?.focus({ preventScroll: true });
};

for (const place of document.querySelectorAll("[data-events]")) {
  const regions = new Map([...place.querySelectorAll("[data-region]")].map((one) => [one.dataset.region, one]));
  const source = new EventSource(place.dataset.events);
  source.addEventListener("regions", ({ data }) => {
    for (const [name, html] of Object.entries(JSON.parse(data))) {
      const region = regions.get(name);
      if (region) replace(region, html);
    }
    place.dataset.followed = "";
    document.dispatchEvent(new Event("regions"));
    document.querySelector(".without-script")?.remove();
  });
  source.addEventListener("over", () => {
    source.close();
    location.reload();
  });
  addEventListener("pagehide", () => source.close());
}
