from crontab import CronTab

table = CronTab(user=True)
table.new(command="print-sample", comment="sample").minute.every(5)
table.write()
