-- Heads for wrk, chosen by the argument after "--":
--   browser   12 fields, about 600 bytes; 8 people looking at 16 addresses
--   minimal   only Host; 16 addresses
--   close     as minimal, and a new connection for each request

local paths = {
  "/", "/index.html", "/favicon.ico", "/static/app.js?v=20240611", "/static/site.css?v=20240611",
  "/api/albums?page=1&size=50", "/api/albums/42/photos", "/api/albums/43/photos?sort=taken",
  "/photos/2024/summer/IMG_0001.jpg", "/photos/2024/summer/IMG_0002.jpg?width=640",
  "/photos/2024/summer/IMG_0003.jpg?width=640", "/login?next=%2Falbums", "/search?q=red+bicycle",
  "/feed.xml", "/people/anna", "/settings/notifications",
}

local agents = {
  "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
}

local function browser(path, person)
  return {
    ["Host"] = "photos.home.arpa",
    ["User-Agent"] = agents[person % #agents + 1],
    ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    ["Accept-Language"] = "en-GB,en;q=0.7,de;q=0.3",
    ["Accept-Encoding"] = "gzip, deflate, br",
    ["Referer"] = "http://photos.home.arpa/albums/" .. person,
    ["Cookie"] = "session=5f2d7c9e1b" .. person .. "04a6e8c3f7b21d; theme=dark; seen=" .. person * 977,
    ["Upgrade-Insecure-Requests"] = "1",
    ["Sec-Fetch-Dest"] = "document",
    ["Sec-Fetch-Mode"] = "navigate",
    ["Sec-Fetch-Site"] = "same-origin",
    ["DNT"] = "1",
  }
end

local requests = {}
local sent = 0

function init(arguments)
  local head = arguments[1] or "minimal"
  wrk.headers = {}
  for person = 1, head == "browser" and 8 or 1 do
    for _, path in ipairs(paths) do
      local fields = { ["Host"] = "photos.home.arpa" }
      if head == "browser" then fields = browser(path, person) end
      if head == "close" then fields["Connection"] = "close" end
      requests[#requests + 1] = wrk.format("GET", path, fields)
    end
  end
end

function request()
  sent = sent % #requests + 1
  return requests[sent]
end
