-- Wireshark's side: fields, preferences, columns, and where the octets come from (TCP, X.25 on LAPB, XOT).

local L = D.labels
local sorm = Proto("sorm", L.protocol)

local FIELDS, KINDS = {}, {}
for _, one in ipairs(D.filters) do
  local is_integer = one.kind == "uint8" or one.kind == "uint16"
  FIELDS[one.name] = is_integer and ProtoField[one.kind](one.name, one.text, one.is_code and base.HEX or base.DEC)
    or ProtoField[one.kind](one.name, one.text)
  KINDS[one.name] = one.kind
end
sorm.fields = FIELDS

local PROBLEM = ProtoExpert.new("sorm.problem", L.problem, expert.group.MALFORMED, expert.severity.ERROR)
local ACCEPTED = ProtoExpert.new("sorm.accepted", L.accepted, expert.group.PROTOCOL, expert.severity.NOTE)
local REFUSED = ProtoExpert.new("sorm.refused", L.refused, expert.group.RESPONSE_CODE, expert.severity.WARN)
sorm.experts = {PROBLEM, ACCEPTED, REFUSED}

-- --- preferences

local p = sorm.prefs
p.ports = Pref.range(L.ports, D.ports, L.ports_help, 65535)
for _, option in ipairs(D.options) do
  if option.default == "true" or option.default == "false" then
    p[option.name] = Pref.bool(option.text, option.default == "true", option.text)
  else
    local values, default = {}, 0
    for place, value in ipairs(option.values) do
      values[place] = {place, value, place}
      if value == option.default then default = place end
    end
    p[option.name] = Pref.enum(option.text, default, option.text, values, false)
  end
end
p.user0 = Pref.bool(L.user0, true, L.user0_help)

local codec

local function read_options()
  local options = {}
  for _, option in ipairs(D.options) do
    local value = p[option.name]
    options[option.name] = type(value) == "number" and option.values[value] or value
  end
  codec = core.codec(options)
end
read_options()

-- --- the tree of a unit

-- A text that Wireshark keeps whole: it ends texts at a NUL.
local function kept_whole(text) return (text:gsub("\0", "\226\144\128")) end

local function label(caption, value, meaning)
  return meaning ~= "" and string.format("%s: %s (%s)", caption, value, meaning) or caption .. ": " .. value
end

local show_node

-- The item of a value without parts.
local function show_value(tree, range, filter, one, text)
  local kind, json = KINDS[filter], one.json
  if kind == "bytes" and one.n > 0 then return tree:add(FIELDS[filter], range):set_text(text) end
  if kind == "string" and type(json) == "string" then
    return tree:add(FIELDS[filter], range, kept_whole(json)):set_text(text)
  end
  if type(json) == "number" then return tree:add(FIELDS[filter], range, json):set_text(text) end
  return tree:add(range, text)
end

local function show_parts(tree, octets, range, filter, one, text)
  local value = one.text or kept_whole(core.line_value("", core.json_of(one)))
  local item = tree:add(FIELDS[filter], range, value):set_text(text)
  for _, part in ipairs(one.parts) do show_node(item, octets, filter .. "." .. part[1], part[1], part[2]) end
  return item
end

-- A node below `tree`; `octets` gives the range of a part of the unit.
function show_node(tree, octets, filter, caption, one)
  local range = octets(one.at, one.n)
  if one.items and #one.items > 0 then
    for place, item in ipairs(one.items) do
      show_node(tree, octets, filter, string.format("%s %d", caption, place), item)
    end
    if one.kept then tree:add(FIELDS["sorm.octets"], range) end
    return
  end
  local shown = label(caption, one.value, one.meaning)
  local item = one.parts and not core.is_empty(core.json_of(one)) and show_parts(tree, octets, range, filter, one, shown)
    or show_value(tree, range, filter, one, shown)
  if one.content then item:add(FIELDS["sorm.content"], range, kept_whole(one.content)):set_generated() end
  if one.raw or one.kept then item:add(FIELDS["sorm.octets"], range) end
  if one.digits and one.json ~= core.NULL and filter ~= D.any_number then
    item:add(FIELDS[D.any_number], range, one.json):set_hidden(true)
  end
  local short = D.short[filter]
  if short and type(one.json) == "number" then item:add(FIELDS[short], range, one.json):set_hidden(true) end
  return item
end

local function show_field(tree, octets, document, field)
  local one = field.node
  local item = show_node(tree, octets, field.filter, field.caption, one)
  if field.name == "command" and D.names[one.json] then
    item:add(FIELDS["sorm.command_name"], octets(one.at, one.n), D.names[one.json]):set_generated()
  elseif field.name == "status" then
    item:add(FIELDS["sorm.status_text"], octets(one.at, one.n), one.meaning):set_generated()
    if one.json ~= 0 then item:add_proto_expert_info(REFUSED, one.meaning) end
  end
end

local function show_header(tree, octets, document)
  local function text(name, at, n, value)
    if value then tree:add(FIELDS["sorm." .. name], octets(at, n), value):set_generated() end
  end
  text("name", 0, #document.octets, document.name)
  text("kind", 0, #document.octets, document.kind)
  text("channel", 0, #document.octets, document.channel)
  if not document.code then return end
  tree:add(FIELDS["sorm.orm_number"], octets(1, 1), document.orm_number)
  tree:add(FIELDS[D.short["sorm.orm_number"]], octets(1, 1), document.orm_number):set_hidden(true)
  tree:add(FIELDS["sorm.code"], octets(2, 1), document.code)
  if document.kind ~= "unknown" then tree:add(FIELDS["sorm.length"], octets(3, 1)) end
end

-- The unit of `document`, which begins at the place `at` of `tvb`.
local function show_unit(document, tvb, at, tree)
  local function octets(from, n) return tvb(at + from, n) end
  local item = tree:add(sorm, octets(0, #document.octets))
  item:set_text("SORM, " .. (document.heading or document.problems[1].message))
  show_header(item, octets, document)
  for _, field in ipairs(document.fields) do
    local one = field.node
    if document.hidden then
      item:add(octets(one.at, one.n), field.caption .. ": " .. D.mask)
    else
      show_field(item, octets, document, field)
    end
  end
  for _, problem in ipairs(document.problems) do
    local text = document.hidden and D.mask or problem.message
    if problem.path ~= "" then text = problem.path .. ": " .. text end
    local n = problem.offset < #document.octets and 1 or 0
    item:add_tvb_expert_info(problem.accepted and ACCEPTED or PROBLEM, octets(problem.offset, n), text)
  end
end

-- The items of `data`, the octets of `tvb`. `first`: nothing of this frame was shown before.
local function show_items(items, data, tvb, pinfo, tree, first)
  for _, one in ipairs(items) do
    local document = codec.document(data, one)
    show_unit(document, tvb, one.at, tree)
    local line = core.one_line(document)
    if first then
      pinfo.cols.protocol = "SORM"
      pinfo.cols.info:set(line)
      first = false
    else
      pinfo.cols.info:append(D.between .. line)
    end
  end
  if #items > 0 then pinfo.cols.info:fence() end
end

-- --- streams: what is known of them from the first reading of the frames

local tcp_stream = Field.new("tcp.stream")
local interface = Field.new("frame.interface_id")

local streams   -- direction -> whether its end is in step; the octets of a unit begun that are kept here (rest), or
                -- that Wireshark keeps (left)
local calls     -- frame and place in it -> the state before it
local shown     -- frame -> items shown in it
local held      -- direction of a TCP conversation that is not recognised yet -> the beginning of a header
local taken     -- number of a TCP conversation -> the frame in which it was recognised

local function forget_streams() streams, calls, shown, held, taken = {}, {}, {}, {}, {} end
sorm.init = forget_streams
forget_streams()

local function ends(pinfo)
  return table.concat({tostring(pinfo.src), pinfo.src_port, tostring(pinfo.dst), pinfo.dst_port}, " ")
end

-- The state before these octets: kept from the first reading, since Wireshark reads frames in any order afterwards.
local function state_before(key, place)
  local known = calls[place]
  if known then return known, false end
  local stream = streams[key] or {in_step = true, rest = "", left = ""}
  streams[key] = stream
  known = {in_step = stream.in_step, rest = stream.rest, left = stream.left}
  calls[place] = known
  return known, true, stream
end

local function begins_well(data)
  if #data < 4 or not codec.is_header(data, 0) then return false end
  local items = codec.frame(data, true)
  return #items == 0 or items[1].what == "unit"
end

-- The octets as a tvb: those kept from earlier frames have none.
local function joined(before, data, tvb)
  return before.rest == "" and tvb or ByteArray.new(data, true):tvb(L.joined)
end

local function conversation()
  local stream = tcp_stream()
  return stream and stream.value or -1
end

-- TCP: Wireshark joins the segments of a unit, except before the conversation is recognised.
local function dissect_segment(tvb, pinfo, tree)
  local number = conversation()
  if pinfo.number < (taken[number] or 0) then return end
  local key = number .. " " .. ends(pinfo)
  local place = string.format("%d %d %d", pinfo.number, tvb:offset(), tvb:len())
  if held[key] then
    streams[key] = {in_step = true, rest = held[key], left = ""}
    held[key] = nil
  end
  local before, is_first, now = state_before(key, place)
  local data = before.rest .. tvb:raw()
  local items, stop, in_step, missing = codec.frame(data, before.in_step)
  local left = #before.left
  if stop > 0 and stop <= left and data:sub(1, left) == before.left then
    -- Wireshark gives these octets again with the next segment: what is left begins within the last one's rest.
    items, stop, in_step, missing = {}, 0, before.in_step, nil
  end
  if is_first then
    now.in_step, now.rest, now.left = in_step, stop == 0 and before.rest or "", data:sub(stop + 1)
    before.shown = shown[pinfo.number] or 0
    shown[pinfo.number] = before.shown + #items
  end
  show_items(items, data, joined(before, data, tvb), pinfo, tree, before.shown == 0)
  if stop < #data then
    pinfo.desegment_offset = math.max(0, stop - #before.rest)
    pinfo.desegment_len = missing or DESEGMENT_ONE_MORE_SEGMENT
  end
end
sorm.dissector = dissect_segment

-- A conversation is taken as soon as one side begins with the header of a unit.
sorm:register_heuristic("tcp", function(tvb, pinfo, tree)
  if pinfo.visited or tvb(0, 1):uint() ~= D.preamble and next(held) == nil then return false end
  local number = conversation()
  local key = number .. " " .. ends(pinfo)
  local data = (held[key] or "") .. tvb:raw()
  if begins_well(data) then
    taken[number] = pinfo.number
    dissect_segment(tvb, pinfo, tree)
    pinfo.conversation = sorm
    return true
  end
  held[key] = codec.is_begun(data) and data or nil
  return false
end)

-- Data of X.25: a unit may go on in the next packet, with the M bit or without.
local function dissect_packet(key, tvb, pinfo, tree)
  local place = string.format("%d %s", pinfo.number, key)
  local before, is_first, now = state_before(key, place)
  if is_first then
    now.carries = now.carries or begins_well(tvb:raw())
    before.carries = now.carries
  end
  if not before.carries then return false end
  local data = before.rest .. tvb:raw()
  local items, stop, in_step = codec.frame(data, before.in_step)
  if is_first then now.in_step, now.rest = in_step, data:sub(stop + 1) end
  if #items > 0 then show_items(items, data, joined(before, data, tvb), pinfo, tree, true) end
  return true
end

local current   -- the circuit of the frame that the dissector of DLT 147 reads

sorm:register_heuristic("x.25", function(tvb, pinfo, tree)
  if current then return current.carries end
  return dissect_packet("x25 " .. ends(pinfo) .. " " .. pinfo.p2p_dir, tvb, pinfo, tree)
end)

-- --- DLT 147: LAPB frames of a timeslot

local user0 = Proto("sorm_e1", L.timeslot)
local encapsulations = DissectorTable.get("wtap_encap")
local USER0 = (wtap_encaps or wtap).USER0
local other = encapsulations:get_dissector(USER0)
local lapb = Dissector.get("lapb")
local links     -- direction of a link -> N(S) -> packet, of the last seven
local repeated  -- frame -> whether it repeats an I frame

local function forget_links() links, repeated = {}, {} end
user0.init = forget_links
forget_links()

-- Whether an I frame repeats one of the seven before it (as `decode` reads them).
local function is_repeated(key, frame)
  local recent = links[key] or {}
  links[key] = recent
  local control = frame:byte(2)
  if control % 2 == 1 then
    if control % 4 == 3 then links[key] = {} end   -- set-up or end: the numbering begins again
    return false
  end
  local number, packet = math.floor(control / 2) % 8, frame:sub(3)
  if recent[number] == packet then return true end
  recent[number] = packet
  recent[(number + 1) % 8] = nil
  return false
end

-- Logical channel and place of the user data of a data packet in an I frame.
local function data_packet(frame)
  if #frame < 5 or frame:byte(2) % 2 == 1 then return nil end
  local first, second, third = frame:byte(3, 5)
  local modulo = math.floor(first / 16) % 4
  if third % 2 == 1 or modulo ~= 1 and modulo ~= 2 then return nil end
  local begin = 4 + modulo
  if #frame <= begin then return nil end
  return first % 16 * 256 + second, begin
end

user0.dissector = function(tvb, pinfo, tree)
  local frame = tvb:raw()
  if #frame < 2 or frame:byte() ~= 1 and frame:byte() ~= 3 then return other:call(tvb, pinfo, tree) end
  local on = interface()
  local link = string.format("%s %d", on and on.value or "", pinfo.p2p_dir)
  if repeated[pinfo.number] == nil then repeated[pinfo.number] = is_repeated(link, frame) end
  local channel, begin = data_packet(frame)
  current = {carries = false}
  local carried
  if channel and not repeated[pinfo.number] then
    local key = string.format("%s %d", link, channel)
    local stream = streams[key]
    carried = {key = key, octets = tvb(begin):tvb()}
    current.carries = stream and stream.carries or begins_well(carried.octets:raw())
  end
  lapb:call(tvb, pinfo, tree)
  current = nil
  if carried then dissect_packet(carried.key, carried.octets, pinfo, tree) end
  if channel and repeated[pinfo.number] then tree:add(sorm, tvb(begin), L.repeated) end
  return #frame
end

-- --- where they are registered

local registered_ports, registered_user0
local tcp_ports = DissectorTable.get("tcp.port")

local function register()
  if registered_ports ~= p.ports then
    if registered_ports then tcp_ports:remove(registered_ports, sorm) end
    registered_ports = p.ports
    if registered_ports ~= "" then tcp_ports:add(registered_ports, sorm) end
  end
  if registered_user0 ~= p.user0 then
    registered_user0 = p.user0
    encapsulations:set(USER0, registered_user0 and user0 or other)
  end
end
register()

sorm.prefs_changed = function()
  read_options()
  register()
end
