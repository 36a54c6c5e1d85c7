<?php
// What php-fpm serves: see zoo_app.py. A script keeps no heap: one that touches allocates it, as applications do.
$given = $_GET + ['ms' => 0, 'touch' => 0, 'hold' => 0];
$stop = used() + $given['ms'];
$blocks = [];
for ($n = (int) ($_SERVER['HEAP_MIB'] * 4 * $given['touch'] / 100); $n > 0; $n--) {
    $blocks[] = str_repeat(random_bytes(1024), 256);
}
while (used() < $stop);
if ($given['hold']) {
    usleep((int) ($given['hold'] * 1000));
}
echo getmypid();

function used() {
    $usage = getrusage();
    return ($usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec']) * 1e3
        + ($usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec']) / 1e3;
}
