-- One request in a hundred for what nobody asked for before, the others for one of a thousand objects.
local sent = 0
local run = os.time() .. "-" .. math.random(1000000000)

request = function()
   sent = sent + 1
   if sent % 100 == 0 then
      return wrk.format("GET", "/miss/" .. run .. "/" .. sent)
   end
   return wrk.format("GET", "/hit/" .. sent % 1000)
end
