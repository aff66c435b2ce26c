// "3 min ago" stays true while a page is open.
const MINUTE = 60, HOUR = 3600, DAY = 86400;

const ago = (seconds) => {
  const size = Math.abs(seconds);
  if (size < 1) return "now";
  const [unit, name] = size < MINUTE ? [1, "s"] : size < HOUR ? [MINUTE, "min"] : size < 2 * DAY ? [HOUR, "h"] : [DAY, "days"];
  const text = `${Math.floor(size / unit)} ${name}`;
  return seconds > 0 ? `in ${text}` : `${text} ago`;
};

const update = () => {
  for (const element of document.querySelectorAll("time[data-relative]"))
    element.textContent = ago((Date.parse(element.dateTime) - Date.now()) / 1000);
};

for (const element of document.querySelectorAll("time[data-relative]"))
  element.title = element.dateTime.replace("T", " ").replace("+00:00", " UTC");
setInterval(update, 10_000);
document.addEventListener("regions", update);
document.addEventListener("visibilitychange", () => document.hidden || update());
