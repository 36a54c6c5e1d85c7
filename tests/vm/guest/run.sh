# In the virtual machine, as root: swap, the wheel and the units as docs/installation.md has it, then service.py
# beside this file. What pytest found goes to the second serial port, everything else to the console.
set -eux
stty -F /dev/ttyS1 raw

fallocate --length 512M /swapfile
chmod 600 /swapfile
mkswap /swapfile
swapon /swapfile

python3 -m venv /opt/swap-exporter
/opt/swap-exporter/bin/pip install --quiet --no-index --find-links=/mnt/wheels swap-exporter
cp /mnt/deploy/systemd/swap-exporter.service /mnt/deploy/systemd/swap-exporter.socket /etc/systemd/system/
cp /mnt/deploy/systemd/swap-exporter.default /etc/default/swap-exporter
cp /mnt/deploy/systemd/sysctl.d/swap-exporter.conf /etc/sysctl.d/
systemctl daemon-reload

cd /mnt
PYTHONPATH=/mnt/pytest /opt/swap-exporter/bin/python -B -m pytest -v -p no:cacheprovider --noconftest \
    --junitxml=/tmp/results.xml tests/vm/guest/service.py || true
cat /tmp/results.xml > /dev/ttyS1
