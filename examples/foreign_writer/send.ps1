param($bus, $me, $to, $text)
if (-not (Test-Path "$bus/registry/$to")) { throw "nobody named $to has joined" }
$info = Get-Content -Raw "$bus/somabus.json" | ConvertFrom-Json
$t = [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds().ToString("x12")
$r = [guid]::NewGuid().ToString("N")
$id = "$($t.Substring(0,8))-$($t.Substring(8,4))-7$($r.Substring(0,3))-8$($r.Substring(3,3))-$($r.Substring(20,12))"
$now = [DateTime]::UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ")
$message = [ordered]@{ format = 1; bus = $info.bus; id = $id; kind = "note"; sender = $me; to = @($to)
  created_at = $now; body = $text; thread = $id; origin = $id }
$bytes = [Text.Encoding]::UTF8.GetBytes(($message | ConvertTo-Json -Compress))
New-Item -ItemType Directory -Force "$bus/tmp/$me", "$bus/messages/$to/inbox" | Out-Null
$file = [IO.File]::Create("$bus/tmp/$me/$id.json")
try { $file.Write($bytes, 0, $bytes.Length); $file.Flush($true) } finally { $file.Close() }
Move-Item "$bus/tmp/$me/$id.json" "$bus/messages/$to/inbox/5-$id.0.json"
