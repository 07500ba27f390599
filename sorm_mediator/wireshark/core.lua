-- Octets to units and their fields, by the declarations D. Nothing here uses Wireshark: any Lua from 5.2 on runs it.
-- Arithmetic in place of bit operations, which differ between the versions of Lua.

local NULL = {}                                    -- null of JSON: "not given"
local floor, byte, sub, format = math.floor, string.byte, string.sub, string.format

-- The text in the language of the dissector; {name} and {name:02X} are filled from values.
local function T(text, values)
  local found = D.texts[text] or text
  if not values then return found end
  return (found:gsub("{([%w_]+)(:?%w*)}", function(name, form)
    local value = values[name]
    return form == ":02X" and format("%02X", value) or tostring(value)
  end))
end

local function hex(octets)
  return (octets:gsub(".", function(one) return format("%02X", byte(one)) end))
end

local function spaced(octets) return (hex(octets):gsub("(..)", "%1 "):gsub(" $", "")) end

local function as_hex(octets) return "0x" .. hex(octets) end

local function from_latin_1(octets)
  return (octets:gsub("[\128-\255]", function(one)
    local code = byte(one)
    return string.char(192 + floor(code / 64), 128 + code % 64)
  end))
end

local ESCAPES = {[9] = "\\t", [10] = "\\n", [13] = "\\r", [92] = "\\\\"}

local function is_printable(code) return code >= 32 and code < 127 or code > 160 and code ~= 173 end

-- Octets of latin-1 as people see them: in quotes and with escapes where they are not printable.
local function show_text(octets)
  if octets == "" then return '""' end
  local plain = true
  for place = 1, #octets do plain = plain and is_printable(byte(octets, place)) end
  if plain then return from_latin_1(octets) end
  local quote = octets:find("'", 1, true) and not octets:find('"', 1, true) and '"' or "'"
  return quote .. octets:gsub(".", function(one)
    local code = byte(one)
    if one == quote then return "\\" .. one end
    return ESCAPES[code] or is_printable(code) and from_latin_1(one) or format("\\x%02x", code)
  end) .. quote
end

-- Text in a line, with escapes for what is not printable: a line end would make two lines of it.
local function one_line(text)
  text = text:gsub("[\0-\31\127]", function(one)
    local code = byte(one)
    return ESCAPES[code] or format("\\x%02x", code)
  end)
  return (text:gsub("\194([\128-\160\173])", function(one) return format("\\x%02x", byte(one)) end))
end

local function unknown(value) return T("unknown value {value}", {value = format("0x%02X", value)}) end

local function meaning_of(meanings, value) return meanings[value] or meanings.other or unknown(value) end

-- A part of a unit: octets at..at+n of it, counted from 0.
local function node(at, n, json, value, meaning)
  return {at = at, n = n, json = json, value = value, meaning = meaning or ""}
end

local function raw_node(at, octets)
  local made = node(at, #octets, as_hex(octets), as_hex(octets), T("undeclared octets"))
  made.raw = true
  return made
end

local function absent(w, at, n) return node(at, n, NULL, "-", w.not_given or T("not given")) end

local function integer(w, at, n, value)
  if w.meaning then
    local made = node(at, n, value, format("%02Xh", value), meaning_of(w.meaning, value))
    local brief = w.brief or w.meaning
    made.brief = brief[value] or brief.other
    return made
  end
  return node(at, n, value, format("%d", value))
end

local function complain(problems, offset, path, message, accepted)
  problems[#problems + 1] = {offset = offset, path = path, message = message, accepted = accepted or false}
end

-- The readers: of the octets of a wire, which begin at the place `at` of the unit, a node.
local READ = {}

local function read(w, octets, at, path, problems) return READ[w.kind](w, octets, at, path, problems) end

function READ.octet(w, octets, at) return integer(w, at, 1, byte(octets)) end

function READ.coded(w, octets, at, path, problems)
  local octet = byte(octets)
  local known = w.known[octet]
  if known == false then return absent(w, at, 1) end
  if known == nil then
    complain(problems, at, path, T("{what} {octet:02X}h is not one of {allowed}",
      {what = w.what, octet = octet, allowed = w.allowed}))
    if not w.numeric then return raw_node(at, octets) end
  end
  if w.numeric then return integer(w, at, 1, octet) end
  return node(at, 1, known, known, w.names[known])
end

function READ.ksl(w, octets, at, path, problems)
  local octet = byte(octets)
  if octet == 255 then return absent(w, at, 1) end
  local stream, ksl = floor(octet / 32), octet % 32
  if ksl < w.lowest or ksl > w.highest then
    complain(problems, at, path, T("KSL {ksl} (octet {octet:02X}h) is outside {bounds}",
      {ksl = format("%d", ksl), octet = octet, bounds = w.bounds}))
  end
  local made = node(at, 1, nil, format("%s %d, %s %d", T("stream"), stream, T("KSL"), ksl))
  made.text = format("%d/%d", stream, ksl)
  made.parts = {{"stream", node(at, 1, stream, format("%d", stream))}, {"ksl", node(at, 1, ksl, format("%d", ksl))}}
  return made
end

function READ.word(w, octets, at)
  local first, second = byte(octets, 1, 2)
  local value = w.order == "little" and first + 256 * second or 256 * first + second
  if w.absent and value == 65535 then return absent(w, at, 2) end
  return integer(w, at, 2, value)
end

function READ.text(w, octets, at, path, problems)
  local text = octets:match("^(.-)\255*$")
  local wrong = text:find("[\128-\255]")
  if wrong then
    complain(problems, at + wrong - 1, path, T("octet {octet:02X}h is not ASCII", {octet = byte(text, wrong)}))
  end
  return node(at, #octets, from_latin_1(text), show_text(text))
end

function READ.password(w, octets, at) return node(at, #octets, D.mask, D.mask) end

function READ.filler(w, octets, at, path, problems)
  local wrong = octets:find("[^\255]")
  if wrong then
    complain(problems, at + wrong - 1, path, T("filler {octet:02X}h is not FFh", {octet = byte(octets, wrong)}))
  end
  local meaning = octets:find("[^\32-\126]") and "" or '"' .. octets .. '"'
  return node(at, #octets, as_hex(octets), as_hex(octets), meaning)
end

function READ.time(w, octets, at, path, problems)
  if octets == ("\255"):rep(#octets) then return absent(w, at, #octets) end
  local parts, whole, values = {}, true, {}
  for place, part in ipairs(w.parts) do
    local name, lowest, highest = part[1], part[2], part[3]
    local octet = byte(octets, place)
    local tens, ones = octet % 16, floor(octet / 16)
    local value = 10 * tens + ones
    if tens > 9 or ones > 9 then
      whole = false
      complain(problems, at + place - 1, path .. "." .. name,
        T("{octet:02X}h is no {part}: a half-byte is above 9", {octet = octet, part = name}))
    elseif value < lowest or value > highest then
      complain(problems, at + place - 1, path .. "." .. name, T("{part} {value} is outside {bounds}",
        {part = name, value = format("%d", value), bounds = format("%d..%d", lowest, highest)}))
    end
    values[place] = value
    parts[place] = {name, node(at + place - 1, 1, value, format("%d", value))}
  end
  if not whole then return raw_node(at, octets) end
  local made = node(at, #octets, nil, format("%s %d, %02d:%02d:%02d", T("day"), table.unpack(values)))
  made.text, made.parts = format("%d %02d:%02d:%02d", table.unpack(values)), parts
  return made
end

local HALVES = "0123456789abcdef"

function READ.digits(w, octets, at, path, problems)
  local count, nine = byte(octets), sub(octets, 2)
  local none = nine == ("\255"):rep(#nine)
  if none and count == 255 then return absent(w, at, #octets) end
  if none and count == 0 then
    complain(problems, at, path, T("count 00h of an absent number; FFh is declared"), true)
    return node(at, #octets, "", '""')
  end
  if w.parts and none and count <= w.most then
    local made = raw_node(at, octets)
    made.value, made.meaning = "-", format("%s %d", T("count of digits"), count)
    return made
  end
  local halves = {}
  for place = 1, #nine do
    local octet = byte(nine, place)
    for _, half in ipairs({octet % 16, floor(octet / 16)}) do
      if w.zero == "A" and (half == 0 or half == 10) then half = 10 - half end
      halves[#halves + 1] = sub(HALVES, half + 1, half + 1)
    end
  end
  local digits = table.concat(halves):match("^(.-)f*$")
  local uncounted = w.parts and count == 255
  if #digits ~= count and not uncounted then
    complain(problems, at, path, T("count of digits is {count}, but {digits} half-bytes are set",
      {count = count == 255 and T("FFh (absent)") or format("%d", count), digits = #digits}))
    return raw_node(at, octets)
  end
  local text = w.extra and digits:gsub("[bc]", {b = "*", c = "#"}) or digits
  local respelled = w.zero == "A" and text:find("a", 1, true)
  if respelled then text = text:gsub("a", "0") end
  local wrong = text:find("[a-f]")
  if wrong then
    complain(problems, at + 1 + floor((wrong - 1) / 2), path,
      T("half-byte {half}h is no digit", {half = sub(text, wrong, wrong):upper()}))
    return raw_node(at, octets)
  end
  if respelled then
    complain(problems, at + 1 + floor((respelled - 1) / 2), path, T("digit 0 as half-byte 0h, not Ah"), true)
  end
  local made = node(at, #octets, text, show_text(text))
  made.digits = true
  if respelled or uncounted then made.kept = as_hex(octets) end
  return made
end

function READ.party(w, octets, at, path, problems)
  local sign = read(w.sign, sub(octets, 1, 1), at, path .. ".sign", problems)
  local number = read(w.digits, sub(octets, 2), at + 1, path .. ".number", problems)
  local value = number.json == NULL and "-" or number.json
  if value == "" then value = '"" ' .. T("a number of no digits") end
  local meaning = sign.json == NULL and T("not given") or sign.value .. ": " .. sign.meaning
  local made = node(at, #octets, nil, value, meaning)
  made.parts = {{"sign", sign}, {"number", number}}
  return made
end

function READ.service(w, octets, at, path, problems)
  local places = {}
  for place = 1, #octets do
    if byte(octets, place) ~= 255 then places[#places + 1] = place end
  end
  if #places == 0 then return absent(w, at, #octets) end
  if #places > 1 then
    complain(problems, at + places[1] - 1, path, T("more than one of three octets is set: {octets}",
      {octets = spaced(octets)}))
    return raw_node(at, octets)
  end
  local place, before = places[1], #problems
  local made = read(w.code, sub(octets, place, place), at + place - 1, path, problems)
  made.at, made.n = at, #octets
  if place ~= w.place then
    if #problems == before then
      complain(problems, at + place - 1, path,
        T("service code in octet {place} of three", {place = format("%d", place)}), true)
    end
    made.kept = as_hex(octets)
  end
  return made
end

function READ.rows(w, octets, at, path, problems)
  local size = #w.parts
  local used = floor((#octets:match("^(.-)\255*$") + size - 1) / size)
  local made = node(at, #octets, nil, "-", T("none"))
  made.items, made.rows = {}, {}
  for index = 0, used - 1 do
    local row = node(at + size * index, size, nil, "")
    row.parts = {}
    local lines, words = {}, {}
    for place, part in ipairs(w.parts) do
      local where = size * index + place
      local one = read(part[2], sub(octets, where, where), at + where - 1,
        format("%s.%d.%s", path, index, part[1]), problems)
      row.parts[place] = {part[1], one}
      local list = place <= 2 and words or lines
      list[#list + 1] = place > 2 and one.value or one.json == NULL and "-" or tostring(one.json)
    end
    row.value, row.meaning = T("group") .. " " .. table.concat(words, ", "), table.concat(lines, " / ")
    made.items[index + 1] = row
    made.rows[index + 1] = {format("%d", index + 1), row.value, row.meaning}
  end
  return made
end

function READ.services(w, octets, at, path, problems)
  local count = byte(octets)
  local stop = 1 + 3 * count
  if stop > #octets then
    complain(problems, at, path, T("{count} services are announced, but {fitting} fit",
      {count = format("%d", count), fitting = format("%d", floor((#octets - 1) / 3))}))
    return raw_node(at, octets)
  end
  local made = node(at, #octets, nil, "-", T("none"))
  made.items, made.rows = {}, {}
  for index = 0, count - 1 do
    local from = 1 + 3 * index
    local one = read(w.entry, sub(octets, from + 1, from + 3), at + from, format("%s.%d", path, index), problems)
    made.items[index + 1] = one
    made.rows[index + 1] = {"", one.value, one.meaning}
  end
  local filler = sub(octets, stop + 1)
  local wrong = filler:find("[^\255]")
  if wrong then
    complain(problems, at + stop + wrong - 1, path,
      T("{octet:02X}h after the services is not FFh", {octet = byte(filler, wrong)}))
  end
  if count > w.most then
    complain(problems, at, path, T("{count} services; one message has at most {most}",
      {count = format("%d", count), most = format("%d", w.most)}), true)
  end
  local length = (w.fixed or count == 0) and math.max(stop, w.padded) or stop
  if #octets ~= length then
    local other = #octets == w.padded or count > 0 and #octets == stop
    complain(problems, other and at or at + stop, path, T("length {length} with {count} services",
      {length = format("%d", 11 + #octets), count = format("%d", count)}), other)
  end
  if count > w.most or wrong or #octets ~= length then
    made.kept = as_hex(octets)
    for _, one in ipairs(made.items) do one.kept = nil end
  end
  return made
end

-- --- the text of a telecommunication message

local REPLACED = 0xFFFD   -- for what is no character

local function utf8(code)
  local char = string.char
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40) end
  if code < 0x10000 then
    return char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  end
  return char(0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40, 0x80 + floor(code / 0x40) % 0x40,
    0x80 + code % 0x40)
end

-- First octets of more than one: how many follow, what they add, and the bounds of the second (RFC 3629, 4).
local function follows(lead)
  if lead >= 0xC2 and lead <= 0xDF then return 1, lead - 0xC0, 0x80, 0xBF end
  if lead >= 0xE0 and lead <= 0xEF then
    return 2, lead - 0xE0, lead == 0xE0 and 0xA0 or 0x80, lead == 0xED and 0x9F or 0xBF
  end
  if lead >= 0xF0 and lead <= 0xF4 then
    return 3, lead - 0xF0, lead == 0xF0 and 0x90 or 0x80, lead == 0xF4 and 0x8F or 0xBF
  end
end

local CODES = {}   -- coding -> the characters of octets, as numbers

CODES["utf-8"] = function(octets)
  local found, place = {}, 1
  while place <= #octets do
    local lead = byte(octets, place)
    local count, code, lowest, highest = follows(lead)
    place = place + 1
    if lead < 0x80 then code = lead end
    for _ = 1, count or 0 do
      local next_one = byte(octets, place)
      if not next_one or next_one < lowest or next_one > highest then
        code = nil
        break
      end
      code, lowest, highest, place = 0x40 * code + next_one - 0x80, 0x80, 0xBF, place + 1
    end
    found[#found + 1] = code or REPLACED
  end
  return found
end

CODES.ucs2 = function(octets)
  local found, place = {}, 1
  local function unit(at)
    local high, low = byte(octets, at, at + 1)
    return low and 256 * high + low
  end
  while place <= #octets do
    local code = unit(place)
    local second = code and code >= 0xD800 and code < 0xDC00 and unit(place + 2)
    if not code or second == nil then
      found[#found + 1] = REPLACED   -- cut off
      break
    end
    place = place + 2
    if second and second >= 0xDC00 and second < 0xE000 then
      code = 0x10000 + 0x400 * (code - 0xD800) + second - 0xDC00
      place = place + 2
    elseif code >= 0xD800 and code < 0xE000 then
      code = REPLACED
    end
    found[#found + 1] = code
  end
  return found
end

CODES.cp1251 = function(octets)
  local found = {}
  for place = 1, #octets do found[place] = D.cp1251[byte(octets, place) + 1] end
  return found
end

CODES.gsm7 = function(octets)
  local septets, carried, bits = {}, 0, 0
  for place = 1, #octets do
    carried, bits = carried + byte(octets, place) * 2 ^ bits, bits + 8
    while bits >= 7 do
      septets[#septets + 1] = floor(carried % 128)
      carried, bits = floor(carried / 128), bits - 7
    end
  end
  if #septets > 0 and #septets % 8 == 0 and septets[#septets] == 13 then septets[#septets] = nil end   -- padding
  local found, table = {}, D.gsm7
  for _, septet in ipairs(septets) do
    if table == D.gsm7 and septet == 0x1B then
      table = D.gsm7_extension
    else
      found[#found + 1] = table[septet + 1]
      table = D.gsm7
    end
  end
  if table ~= D.gsm7 then found[#found + 1] = REPLACED end
  return found
end

function READ.message(w, octets, at, path, problems)
  if #octets > w.most then
    complain(problems, at + w.most, path, T("{size} octets; {what}: at most {most}",
      {size = format("%d", #octets), what = w.what, most = format("%d", w.most)}), true)
  end
  local made = node(at, #octets, as_hex(octets), as_hex(octets))
  if octets == "" then
    made.value, made.meaning, made.line = "-", T("none"), ""
    return made
  end
  local text, visible, line, readable = {}, {}, {}, true
  for place, code in ipairs(CODES[w.coding](octets)) do
    text[place] = utf8(code)
    local escaped = code ~= 92 and ESCAPES[code]
    line[place] = escaped or text[place]
    readable = readable and code ~= REPLACED and (escaped or is_printable(code))
    visible[place] = code ~= 92 and not is_printable(code) and (ESCAPES[code] or format("\\x%02x", code)) or text[place]
  end
  if readable then made.line = table.concat(line) end
  made.content, made.meaning = table.concat(text), '"' .. table.concat(visible) .. '"'
  return made
end

-- In the order of the octets; at one octet by the field, and of one field the accepted ones last.
local function sorted(problems)
  for place, one in ipairs(problems) do one.place = place end
  table.sort(problems, function(a, b)
    if a.offset ~= b.offset then return a.offset < b.offset end
    if a.field ~= b.field then return a.field < b.field end
    if a.accepted ~= b.accepted then return b.accepted end
    return a.place < b.place
  end)
  return problems
end

local function channel_of(code)
  local found
  for _, one in ipairs(D.channels) do
    if code >= one.from then found = one end
  end
  return found
end

-- --- secrets

-- Places, from 1, where a command's header may begin.
local function commands_in(raw, from)
  local found = {}
  for place = from, #raw - 3 do
    if byte(raw, place) == D.preamble and D.commands[byte(raw, place + 2)] then found[#found + 1] = place end
  end
  return found
end

-- Whether a command broke off and the header of the next lies in it, whose password is then in its fields.
local function has_another_inside(raw)
  return #raw > 3 and channel_of(byte(raw, 3)).name == "command" and #commands_in(raw, 2) > 0
end

-- Octets in hexadecimal, ** for those that may be a password: raw need not be a unit.
local function masked_hex(raw)
  local shown = {}
  for place = 1, #raw do shown[place] = format("%02X", byte(raw, place)) end
  local begins = commands_in(raw, 1)
  if #raw > 3 and byte(raw) == D.preamble and channel_of(byte(raw, 3)).name == "command" then begins[#begins + 1] = 1 end
  for _, begin in ipairs(begins) do
    local size = byte(raw, begin + 2) == D.set_password and 16 or 10
    for place = begin + 4, math.min(begin + size - 1, #raw) do shown[place] = "**" end
  end
  return table.concat(shown, " ")
end

-- --- JSON of a node, and one line

local function json_of(one)
  if one.parts then
    local record = {record = {}}
    for place, part in ipairs(one.parts) do record.record[place] = {part[1], json_of(part[2])} end
    return record
  end
  if one.items then
    local list = {list = {}}
    for place, item in ipairs(one.items) do list.list[place] = json_of(item) end
    return list
  end
  return one.json
end

local LINE = D.one_line

local function code_text(value) return type(value) == "number" and format("%02Xh", value) or tostring(value) end

local function line_value(name, value)
  if type(value) == "table" and value.record then
    local record = value.record
    if #record == 2 and record[1][1] == "stream" and record[2][1] == "ksl" then
      return format("%d/%d", record[1][2], record[2][2])
    end
    if #record == 2 and record[1][1] == "sign" and record[2][1] == "number" then
      local sign, number = record[1][2], record[2][2]
      local shown = number == NULL and "-" or number
      return (sign == NULL or sign == LINE.own) and shown or format("%s(%s)", shown, sign)
    end
    local parts = {}
    for _, part in ipairs(record) do
      if part[2] ~= NULL then parts[#parts + 1] = part[1] .. "=" .. line_value(part[1], part[2]) end
    end
    return "(" .. table.concat(parts, " ") .. ")"
  end
  if type(value) == "table" and value.list then
    local parts = {}
    for place, each in ipairs(value.list) do parts[place] = line_value(name, each) end
    return table.concat(parts, ",")
  end
  if value == NULL then return "None" end
  local text = type(value) == "number" and format("%d", value) or one_line(value)
  return (text == "" or text:find(" ", 1, true)) and '"' .. text .. '"' or text
end

-- A code, or a list of them, each with what it means.
local function line_code(one)
  if one.items then
    local parts = {}
    for place, item in ipairs(one.items) do parts[place] = line_code(item) end
    return table.concat(parts, ", ")
  end
  if one.json == NULL then return "None" end
  local brief = one.brief or ""
  return code_text(one.json) .. (brief ~= "" and " (" .. brief .. ")" or "")
end

local function is_empty(value)
  if value == NULL then return true end
  if type(value) ~= "table" then return false end
  if value.list then return #value.list == 0 end
  for _, part in ipairs(value.record) do
    if part[2] ~= NULL then return false end
  end
  return true
end

local function one_line(document)
  if document.kind == "unknown" or not document.name then
    return ("unknown unit " .. masked_hex(document.octets):gsub(" ", "")):match("^(.-)%s*$")
  end
  local values, order, nodes = {}, {}, {}
  for _, one in ipairs(document.fields) do
    nodes[one.name] = one.node
    values[one.name] = document.hidden and D.mask or one.node.line or json_of(one.node)
  end
  local seen = {}
  local function put(name)
    if values[name] ~= nil and not seen[name] then
      seen[name] = true
      order[#order + 1] = name
    end
  end
  if values.called then
    for _, name in ipairs(LINE.first) do put(name) end
  end
  for _, one in ipairs(document.fields) do put(one.name) end
  local words = {document.name}
  for _, name in ipairs(order) do
    local value = values[name]
    local usual = LINE.usual[name] and LINE.usual[name][value]
    if is_empty(value) or LINE.left_out[name] or usual
      or name == "version" and type(value) == "number"
      or document.single and (name == "total" or name == "index") then
      -- nothing to say
    elseif name == "command" then
      words[#words + 1] = "command=" .. (D.names[value] or code_text(value))
    elseif name == "status" then
      words[#words + 1] = format("status=%s (%s)", code_text(value), document.status_text)
    elseif LINE.codes[name] and not document.hidden then
      words[#words + 1] = name .. "=" .. line_code(nodes[name])
    else
      words[#words + 1] = name .. "=" .. line_value(name, value)
    end
  end
  return table.concat(words, " ")
end

-- --- the codec for a choice of options

-- What is declared under the options: D has `by` with the options that it depends on, and a value for each choice.
local function chosen(declared, options)
  if not (type(declared) == "table" and declared.by) then return declared end
  local key = {}
  for place, name in ipairs(declared.by) do key[place] = tostring(options[name]) end
  return declared.of[table.concat(key, "/")]
end

local function codec(options)
  local self = {options = options}
  local messages = {}
  for code, declared in pairs(D.messages) do
    if chosen(declared.known, options) then
      local made = {code = code, declared = declared, lengths = chosen(declared.lengths, options), fields = {}}
      for place, one in ipairs(declared.fields) do made.fields[place] = {one = one, wire = chosen(one.wire, options)} end
      messages[code] = made
    end
  end

  local function field(document, one, made)
    document.fields[#document.fields + 1] = {
      name = one.name, filter = one.filter, caption = one.caption, usual = one.usual, node = made}
  end

  local function unknown_unit(raw, problems)
    local document = {kind = "unknown", octets = raw, fields = {}, problems = problems, hidden = false}
    local payload = 0
    if #raw >= 4 and byte(raw) == D.preamble then
      document.orm_number, document.code = byte(raw, 2), byte(raw, 3)
      document.channel, document.name = channel_of(document.code).name, D.names[document.code]
      field(document, D.unknown.length, node(3, 1, byte(raw, 4), format("%d", byte(raw, 4))))
      payload = 4
    end
    local rest = sub(raw, payload + 1)
    field(document, D.unknown.payload, node(payload, #rest, as_hex(rest), masked_hex(rest)))
    return document
  end

  -- A unit of a code that the order doesn't have.
  local function undeclared(raw)
    local problems = {}
    local code, channel = byte(raw, 3), channel_of(byte(raw, 3))
    complain(problems, 2, "code", T("unknown code: {code:02X}h does not exist in order {order}",
      {code = code, order = options.order}))
    local claimed = channel.header + byte(raw, 4)
    if #raw ~= claimed then
      local text = T("unit {kind}: {size} octets, and the length octet makes {claimed}", {
        kind = #raw < claimed and T("ends early") or T("goes on"),
        size = format("%d", #raw), claimed = format("%d", claimed)})
      complain(problems, 3, "length", T("{text} (taken for: {channel})", {text = text, channel = channel.text}))
    end
    local document = unknown_unit(raw, problems)
    document.heading = format("%s (%02Xh, %d %s, %s %d)", T("unknown unit"), code, #raw, T("octets"),
      D.orm_number, byte(raw, 2))
    return document
  end

  -- A whole unit, as the framer cuts them.
  function self.unit(raw)
    local message = messages[byte(raw, 3)]
    if not message then return undeclared(raw) end
    local declared = message.declared
    local document = {
      kind = declared.kind, channel = declared.channel, name = declared.name, code = message.code,
      orm_number = byte(raw, 2), octets = raw, fields = {}, problems = {}, hidden = has_another_inside(raw)}
    local at = 4
    for place, each in ipairs(message.fields) do
      local size = each.wire.size or #raw - at
      local before = #document.problems
      local made = read(each.wire, sub(raw, at + 1, at + size), at, each.one.name, document.problems)
      for found = before + 1, #document.problems do document.problems[found].field = place end
      field(document, each.one, made)
      if each.one.name == "status" then document.status_text = made.meaning end
      if each.one.name == "total" then document.total = made.json end
      if each.one.name == "index" then
        document.single = document.total == made.json and made.json <= 1
      end
      at = at + size
    end
    sorted(document.problems)
    document.heading = format("%s: %s (%02Xh, %s, %s %d)", declared.name, declared.title, message.code,
      declared.serial, D.orm_number, document.orm_number)
    return document
  end

  -- Lengths as people read them: 0..2, 5.
  local function ranges(lengths)
    local parts, first = {}, nil
    for length = 0, 256 do
      if lengths[length] then
        first = first or length
      elseif first then
        parts[#parts + 1] = first == length - 1 and tostring(first) or format("%d..%d", first, length - 1)
        first = nil
      end
    end
    return table.concat(parts, ", ")
  end

  -- What is wrong with a broken unit: its octets, and the lengths that it may have (Broken.explain of protocol).
  local function explain(raw, reason)
    local message = messages[byte(raw, 3)]
    if not message or #raw < 4 then return T(reason) end
    local name, length = message.declared.name, byte(raw, 4)
    if message.lengths[length] then
      return T("{reason}: {size} of {whole} octets of {name}", {reason = T(reason), size = tostring(#raw),
        whole = tostring(channel_of(message.code).header + length), name = name})
    end
    local wrong = T("length {length} is not allowed for {name}: {allowed}",
      {length = tostring(length), name = name, allowed = ranges(message.lengths)})
    if reason == D.reasons.length then return wrong end
    return T(reason) .. ": " .. wrong
  end

  -- Octets that begin like a unit but are none; of an unknown code they are shown with only its code.
  function self.broken(raw, reason)
    if #raw >= 4 and not messages[byte(raw, 3)] then return undeclared(raw) end
    local problems = {}
    local text = T("broken unit: {reason}", {reason = explain(raw, reason)})
    if reason == D.reasons.length then complain(problems, 3, "length", text) else complain(problems, 0, "", text) end
    return unknown_unit(raw, problems)
  end

  function self.noise(raw)
    local problems = {}
    complain(problems, 0, "", T("octets that belong to no unit"))
    return unknown_unit(raw, problems)
  end

  -- --- framing (docs/protocol.md, "Framing"). Places count from 0; `stop` is after the last octet that may be used.

  local function is_header(data, at)
    if byte(data, at + 1) ~= D.preamble then return false end
    local message = messages[byte(data, at + 3)]
    return message ~= nil and message.lengths[byte(data, at + 4)] == true
  end
  self.is_header = is_header

  local function search(data, from, stop)
    local preamble = string.char(D.preamble)
    local at = from
    while true do
      local found = data:find(preamble, at + 1, true)
      if not found or found + 3 > stop then return nil end
      if is_header(data, found - 1) then return found - 1 end
      at = found
    end
  end

  -- A header that has begun at the end of the data.
  local function search_begun(data, from)
    for at = from, #data - 1 do
      if byte(data, at + 1) == D.preamble and #data - at <= 3
        and (#data - at < 3 or messages[byte(data, at + 3)]) then
        return at
      end
    end
  end

  -- Whether all of the data is the beginning of a header.
  function self.is_begun(data) return #data > 0 and #data < 4 and search_begun(data, 0) == 0 end

  local function item(items, what, at, stop, reason)
    if stop > at then items[#items + 1] = {what = what, at = at, n = stop - at, reason = reason} end
    return stop
  end

  -- One unit at `at`: the place after it, or nil and how many octets are missing, if that is known.
  local function follow(data, at, items)
    local size = #data
    if size - at < 4 then return nil end
    local code, length = byte(data, at + 3), byte(data, at + 4)
    local message = messages[code]
    local stop = at + channel_of(code).header + length
    if message and message.lengths[length] then
      if stop <= size then return item(items, "unit", at, stop) end
      return nil, stop - size
    end
    local inside = search(data, at + 1, math.min(size, stop + 3))
    if inside then return item(items, "broken", at, inside, D.reasons.cut) end
    if stop > size then return nil end
    if size < stop + 3 then
      local begun = search_begun(data, math.max(at + 1, size - 3))
      if begun and begun < stop then return nil end
    end
    if not message then return item(items, "unit", at, stop) end
    return item(items, "broken", at, stop, D.reasons.length)
  end

  -- The items of the data, where they end, whether the end is in step, and the octets missing there if that is known.
  function self.frame(data, in_step)
    local items, at = {}, 0
    while at < #data do
      if in_step and byte(data, at + 1) ~= D.preamble then in_step = false end
      if in_step then
        local after, missing = follow(data, at, items)
        if not after then return items, at, true, missing end
        at = after
      else
        local found = search(data, at, #data)
        local stop = found or search_begun(data, math.max(at, #data - 3)) or #data
        at = item(items, "noise", at, stop)
        if not found then return items, at, false end
        in_step = true
      end
    end
    return items, at, in_step
  end

  -- The document of an item of self.frame.
  function self.document(data, one)
    local raw = sub(data, one.at + 1, one.at + one.n)
    if one.what == "unit" then return self.unit(raw) end
    if one.what == "broken" then return self.broken(raw, one.reason) end
    return self.noise(raw)
  end

  return self
end

return {
  NULL = NULL, T = T, codec = codec, one_line = one_line, json_of = json_of, is_empty = is_empty, line_value = line_value,
}
